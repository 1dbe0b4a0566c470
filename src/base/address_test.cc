#include "base/address.h"

#include <gtest/gtest.h>

namespace keyway {
namespace {

TEST(Address, IsWrittenWithBracketsForIpv6Only) {
  EXPECT_EQ(to_string(Address{"127.0.0.1", 7001}), "127.0.0.1:7001");
  EXPECT_EQ(to_string(Address{"::1", 7001}), "[::1]:7001");
  EXPECT_EQ(to_string(Address{"node.example", 65535}), "node.example:65535");
}

TEST(Address, IsReadAsItIsWritten) {
  for (const Address& address :
       {Address{"127.0.0.1", 7001}, Address{"::1", 1}, Address{"node.example", 65535}}) {
    EXPECT_EQ(parse_address(to_string(address)), address) << to_string(address);
  }
}

TEST(Address, TakesIpv6WithoutBracketsAsServersWriteIt) {
  EXPECT_EQ(parse_address("::1:7001"), (Address{"::1", 7001}));
}

TEST(Address, RefusesWhatNamesNoHostOrNoPort) {
  for (const char* wrong : {"", "127.0.0.1", ":7001", "host:", "host:0", "host:65536", "host:70a", "host:-1",
                            "[::1:7001", "[]:7001", "host:7001@17001"}) {
    EXPECT_EQ(parse_address(wrong), std::nullopt) << wrong;
  }
}

TEST(Address, IsEmptyWithoutAPort) {
  EXPECT_TRUE(Address{}.empty());
  EXPECT_FALSE((Address{"::1", 7001}).empty());
}

}  // namespace
}  // namespace keyway
