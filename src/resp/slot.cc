#include "resp/slot.h"

#include <array>

namespace keyway::resp {

namespace {

constexpr uint16_t kPolynomial =
    0x1021;  // XMODEM: most significant bit first, starts at 0, nothing reflected
constexpr uint16_t kSlotMask = 16384 - 1;

constexpr std::array<uint16_t, 256> make_table() {
  std::array<uint16_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ kPolynomial : crc << 1;
    table[byte] = static_cast<uint16_t>(crc & 0xffff);
  }
  return table;
}

constexpr std::array<uint16_t, 256> kTable = make_table();

}  // namespace

uint16_t crc16(std::string_view bytes) {
  uint32_t crc = 0;
  for (char c : bytes) {
    uint32_t index = (crc >> 8) ^ static_cast<unsigned char>(c);
    crc = ((crc << 8) & 0xffff) ^ kTable[index];
  }
  return static_cast<uint16_t>(crc);
}

std::string_view hash_tag(std::string_view key) {
  size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

uint16_t key_slot(std::string_view key) { return crc16(hash_tag(key)) & kSlotMask; }

}  // namespace keyway::resp
