// For tests: RDB files made by hand.
#pragma once

#include <string>
#include <string_view>

#include "rdb/crc64.h"
#include "rdb/format.h"

namespace keyway::rdb {

class TestFile {
 public:
  explicit TestFile(std::string_view magic = "REDIS0011") : bytes_(magic) {}

  static std::string string(std::string_view text) {
    return static_cast<char>(text.size()) + std::string(text);
  }

  TestFile& add(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  TestFile& aux(std::string_view name, std::string_view value) {
    return add("\xfa" + string(name) + string(value));
  }
  TestFile& database(char number) { return add("\xfe").add({&number, 1}); }
  TestFile& key(char type, std::string_view name, std::string_view value) {
    return add({&type, 1}).add(string(name)).add(value);
  }
  TestFile& expiry(std::string_view little_endian_ms) { return add("\xfc").add(little_endian_ms); }

  // With its end.
  std::string whole(bool checksum = true) const {
    std::string bytes = bytes_ + "\xff";
    uint64_t crc = checksum ? crc64(0, bytes) : 0;
    for (size_t i = 0; i < kChecksumBytes; ++i) bytes += static_cast<char>(crc >> (8 * i) & 0xff);
    return bytes;
  }

 private:
  std::string bytes_;
};

}  // namespace keyway::rdb
