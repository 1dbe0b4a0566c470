#include "rdb/crc64.h"

#include <array>
#include <cstddef>

namespace keyway::rdb {

namespace {

constexpr uint64_t kReflectedPolynomial = 0x95ac9329ac4bc9b5;
constexpr size_t kSlices = 8;

// tables[i][b]: what the byte b does to the checksum when i further bytes follow it ("slicing by 8", M.
// Kounavis and F. Berry, A Systematic Approach to Building High Performance Software-based CRC Generators,
// 2005).
using Tables = std::array<std::array<uint64_t, 256>, kSlices>;

constexpr Tables make_tables() {
  Tables tables{};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ kReflectedPolynomial : crc >> 1;
    tables[0][byte] = crc;
  }
  for (size_t slice = 1; slice < kSlices; ++slice) {
    for (size_t byte = 0; byte < 256; ++byte) {
      uint64_t before = tables[slice - 1][byte];
      tables[slice][byte] = tables[0][before & 0xff] ^ (before >> 8);
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

uint64_t little_endian(const char* bytes) {
  uint64_t word = 0;
  for (size_t i = 0; i < kSlices; ++i) word |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return word;
}

}  // namespace

uint64_t crc64(uint64_t crc, std::string_view bytes) {
  while (bytes.size() >= kSlices) {
    crc ^= little_endian(bytes.data());
    uint64_t next = 0;
    for (size_t i = 0; i < kSlices; ++i) next ^= kTables[kSlices - 1 - i][(crc >> (8 * i)) & 0xff];
    crc = next;
    bytes.remove_prefix(kSlices);
  }
  for (char c : bytes) crc = kTables[0][(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ (crc >> 8);
  return crc;
}

}  // namespace keyway::rdb
