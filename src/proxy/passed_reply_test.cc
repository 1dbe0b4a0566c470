#include "proxy/passed_reply.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace keyway::proxy {
namespace {

StreamHash hash_of(std::string_view bytes, size_t piece_bytes) {
  StreamHash hash;
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) hash.add(bytes.substr(at, piece_bytes));
  return hash;
}

RC_GTEST_PROP(StreamHash, PiecesMakeNoDifference, (const std::string& bytes)) {
  auto piece_bytes = *rc::gen::inRange<size_t>(1, 20);
  RC_ASSERT(hash_of(bytes, piece_bytes) == hash_of(bytes, bytes.size() + 1));
}

RC_GTEST_PROP(StreamHash, AnyOtherByteDoes, (std::string bytes)) {
  RC_PRE(!bytes.empty());
  StreamHash before = hash_of(bytes, 5);
  auto at = *rc::gen::inRange<size_t>(0, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ *rc::gen::inRange(1, 127));
  RC_ASSERT(!(hash_of(bytes, 5) == before));
  bytes += '\0';
  RC_ASSERT(hash_of(bytes, 5).size_bytes() == bytes.size());
}

TEST(PassedReply, KnowsLargeOnesByTheirBeginning) {
  EXPECT_FALSE(may_be_large("$999999\r\nabc"));
  EXPECT_TRUE(may_be_large("$1000000\r\nabc"));
  EXPECT_TRUE(may_be_large("*2\r\n$1\r\na\r\n"));
  EXPECT_FALSE(may_be_large("$5\r\nhello\r\n"));
}

}  // namespace
}  // namespace keyway::proxy
