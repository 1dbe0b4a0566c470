#include "backup/key_count.h"

#include <gtest/gtest.h>

#include <string>

namespace keyway::backup {
namespace {

std::string text(std::string_view value) { return static_cast<char>(value.size()) + std::string(value); }

// Aux fields as text, as a small number and compressed, a function, and a
// database of `size`.
std::string rdb(const std::string& size) {
  std::string bytes = "REDIS0011";
  bytes += "\xfa" + text("redis-ver") + text("7.0.15");
  bytes += "\xfa" + text("redis-bits") + std::string("\xc0\x40", 2);
  bytes += "\xfa" + text("used-mem") + std::string("\xc2\x01\x02\x03\x04", 5);
  bytes += "\xfa" + text("z") +
           std::string(
               "\xc3\x03\x40\x64"
               "abc",
               7);
  bytes += "\xf5" + std::string("\x40\x50", 2) + std::string(0x50, 'f');
  bytes += std::string("\xfe\x00", 2) + "\xfb" + size;
  return bytes + std::string("\x00\x01kXX", 5);
}

int64_t keys_of(std::string_view bytes, size_t piece) {
  KeyCount count;
  for (size_t at = 0; at < bytes.size(); at += piece) count.add(bytes.substr(at, piece));
  return count.keys();
}

TEST(KeyCount, ReadsEveryFormOfLength) {
  for (size_t piece : {size_t{1}, size_t{7}, size_t{1000}}) {
    EXPECT_EQ(keys_of(rdb(std::string("\x05\x00", 2)), piece), 5);
    EXPECT_EQ(keys_of(rdb(std::string("\x41\x02\x00", 3)), piece), 258);
    EXPECT_EQ(keys_of(rdb(std::string("\x80\x00\x01\x00\x00\x00", 6)), piece), 65536);
    EXPECT_EQ(keys_of(rdb(std::string("\x81\x00\x00\x00\x02\x00\x00\x00\x00\x00", 10)), piece),
              int64_t{1} << 33);
  }
}

TEST(KeyCount, AnEmptyFileHasNone) {
  EXPECT_EQ(keys_of("REDIS0011\xfa" + text("redis-ver") + text("7.0.15") + "\xff", 3), 0);
}

TEST(KeyCount, SaysThatItDoesNotKnow) {
  EXPECT_EQ(keys_of("", 1), -1);
  EXPECT_EQ(keys_of("REDIS0011", 1), -1);
  EXPECT_EQ(keys_of("REDIS0011\xf7 a module's", 1), -1);
  EXPECT_EQ(keys_of(std::string("REDIS0011\xfe\x00\xfb\xc0", 13), 1), -1);
  std::string endless = "REDIS0011\xf5" + std::string("\x80\x7f\xff\xff\xff", 5);
  EXPECT_EQ(keys_of(endless + std::string(size_t{2} << 20, 'f'), 65536), -1);
}

}  // namespace
}  // namespace keyway::backup
