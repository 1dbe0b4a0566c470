#include "rdb/text.h"

#include "base/format.h"

namespace keyway::rdb {

namespace {

constexpr unsigned kInt8 = 0;
constexpr unsigned kInt16 = 1;
constexpr unsigned kInt32 = 2;
constexpr unsigned kLzf = 3;
// The best that LZF does is 264 bytes for three.
constexpr uint64_t kMostBytesPerPackedByte = 264;

unsigned byte_at(std::string_view bytes, size_t at) { return static_cast<unsigned char>(bytes[at]); }

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value = value << 8 | byte_at(bytes, i);
  return value;
}

std::string number_text(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | byte_at(bytes, i - 1);
  switch (bytes.size()) {
    case 1:
      return std::to_string(static_cast<int8_t>(value));
    case 2:
      return std::to_string(static_cast<int16_t>(value));
    default:
      return std::to_string(static_cast<int32_t>(value));
  }
}

struct LzfHeader {
  uint64_t packed_bytes = 0;
  uint64_t whole_bytes = 0;
  size_t header_bytes = 0;  // the byte that says LZF, and both lengths
};

Result<std::optional<LzfHeader>> read_lzf_header(std::string_view bytes) {
  LzfHeader header{.header_bytes = 1};
  for (uint64_t* length : {&header.packed_bytes, &header.whole_bytes}) {
    Result<std::optional<Length>> read = read_length(bytes.substr(header.header_bytes));
    if (!read) return fail(read.error());
    if (!*read) return std::optional<LzfHeader>{};
    if ((*read)->packed) return fail(ErrorCode::kCorrupt, "a packed string has no length");
    *length = (*read)->value;
    header.header_bytes += (*read)->header_bytes;
  }
  if (header.packed_bytes > UINT64_MAX / kMostBytesPerPackedByte ||
      header.whole_bytes > header.packed_bytes * kMostBytesPerPackedByte) {
    return fail(ErrorCode::kCorrupt, "a packed string claims to be longer than it can be");
  }
  return std::optional(header);
}

}  // namespace

Result<std::optional<Length>> read_length(std::string_view bytes) {
  if (bytes.empty()) return std::optional<Length>{};
  unsigned first = byte_at(bytes, 0);
  Length length;
  switch (first >> 6) {
    case 0:
      length = {first & 0x3f, false, 1};
      break;
    case 1:
      length = {0, false, 2};
      break;
    case 3:
      length = {first & 0x3f, true, 1};
      break;
    default:
      if (first != 0x80 && first != 0x81) {
        return fail(ErrorCode::kCorrupt, fmt::format("{:#04x} is no length", first));
      }
      length = {0, false, first == 0x80 ? size_t{5} : size_t{9}};
  }
  if (bytes.size() < length.header_bytes) return std::optional<Length>{};
  if (length.header_bytes == 2) length.value = (first & 0x3f) << 8 | byte_at(bytes, 1);
  if (length.header_bytes > 2) length.value = big_endian(bytes.substr(1, length.header_bytes - 1));
  return std::optional(length);
}

Result<std::optional<uint64_t>> string_bytes(std::string_view bytes) {
  Result<std::optional<Length>> length = read_length(bytes);
  if (!length) return fail(length.error());
  if (!*length) return std::optional<uint64_t>{};
  uint64_t value = (*length)->value;
  if (!(*length)->packed) {
    if (value > UINT64_MAX / 2) return fail(ErrorCode::kCorrupt, "a string longer than any memory");
    return std::optional<uint64_t>((*length)->header_bytes + value);
  }
  switch (value) {
    case kInt8:
      return std::optional<uint64_t>(2);
    case kInt16:
      return std::optional<uint64_t>(3);
    case kInt32:
      return std::optional<uint64_t>(5);
    case kLzf:
      break;
    default:
      return fail(ErrorCode::kCorrupt, fmt::format("a string is packed in a way {} unknown", value));
  }
  Result<std::optional<LzfHeader>> header = read_lzf_header(bytes);
  if (!header) return fail(header.error());
  if (!*header) return std::optional<uint64_t>{};
  return std::optional<uint64_t>((*header)->header_bytes + (*header)->packed_bytes);
}

Result<std::string> unpack_string(std::string_view bytes) {
  Result<std::optional<uint64_t>> size = string_bytes(bytes);
  if (!size) return fail(size.error());
  if (*size != bytes.size()) return fail(ErrorCode::kCorrupt, "a string that is not whole");
  Result<std::optional<Length>> length = read_length(bytes);
  if (!length) return fail(length.error());
  if (!(*length)->packed) return std::string(bytes.substr((*length)->header_bytes));
  if ((*length)->value != kLzf) return number_text(bytes.substr(1));
  Result<std::optional<LzfHeader>> header = read_lzf_header(bytes);
  if (!header) return fail(header.error());
  return unpack_lzf(bytes.substr((*header)->header_bytes), (*header)->whole_bytes);
}

Result<std::string> unpack_lzf(std::string_view packed, size_t size_bytes) {
  auto broken = [] { return fail(ErrorCode::kCorrupt, "a packed string cannot be unpacked"); };
  std::string whole;
  size_t at = 0;
  while (at < packed.size()) {
    unsigned control = byte_at(packed, at++);
    if (control < 32) {  // so many bytes as they are, and one more
      size_t run = control + 1;
      if (packed.size() - at < run || whole.size() + run > size_bytes) return broken();
      whole += packed.substr(at, run);
      at += run;
      continue;
    }
    size_t run = control >> 5;  // of bytes that stood before
    if (run == 7) {
      if (at == packed.size()) return broken();
      run += byte_at(packed, at++);
    }
    run += 2;
    if (at == packed.size()) return broken();
    size_t back = ((control & 0x1f) << 8 | byte_at(packed, at++)) + 1;
    if (back > whole.size() || whole.size() + run > size_bytes) return broken();
    for (size_t i = 0; i < run; ++i) whole += whole[whole.size() - back];
  }
  if (whole.size() != size_bytes) return broken();
  return whole;
}

}  // namespace keyway::rdb
