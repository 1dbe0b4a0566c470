#include "proxy/reply_scan.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace keyway::proxy {
namespace {

using State = ReplyScanner::State;

// One of each kind, nested.
const std::string kReplies[] = {
    "+OK\r\n",
    "-ERR no\r\n",
    ":-12\r\n",
    "$5\r\na\r\nbc\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*0\r\n",
    "*3\r\n$1\r\na\r\n*2\r\n:1\r\n$0\r\n\r\n_\r\n",
    "%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n#t\r\n",
    "|1\r\n+ttl\r\n:3\r\n,3.14\r\n",
    "=8\r\ntxt:text\r\n",
    "(123456789012345678901234567890\r\n",
    ">2\r\n+message\r\n!5\r\nERR x\r\n",
};

TEST(ReplyScan, FindsTheEndOfEachKind) {
  for (const std::string& reply : kReplies) {
    ReplyScanner scanner;
    ReplyScanner::Step step = scanner.scan(reply + "+next\r\n");
    EXPECT_EQ(step.state, State::kWhole) << reply;
    EXPECT_EQ(step.taken_bytes, reply.size()) << reply;
  }
}

TEST(ReplyScan, RefusesWhatIsNoReply) {
  for (const char* bytes : {"hello\r\n", "$x\r\n", "*99999999999999\r\n", "+a\rb\r\n", "$-2\r\n"}) {
    ReplyScanner scanner;
    EXPECT_EQ(scanner.scan(bytes).state, State::kBroken) << bytes;
  }
  ReplyScanner scanner;
  EXPECT_EQ(scanner.scan("+" + std::string(2 * ReplyScanner::kMaxLineBytes, 'x')).state, State::kBroken);
}

RC_GTEST_PROP(ReplyScan, PiecesOfAnySizeMakeTheSameReplies, ()) {
  std::string all;
  for (const std::string& reply : kReplies) all += reply;
  ReplyScanner scanner;
  size_t begin = 0;  // of what has not been taken
  size_t end = 0;    // of what has come
  size_t whole = 0;
  while (begin < all.size()) {
    end = std::min(all.size(), end + *rc::gen::inRange<size_t>(1, 12));
    for (;;) {
      ReplyScanner::Step step = scanner.scan(std::string_view(all).substr(begin, end - begin));
      RC_ASSERT(step.state != State::kBroken);
      begin += step.taken_bytes;
      if (step.state != State::kWhole) break;
      ++whole;
    }
  }
  RC_ASSERT(whole == std::size(kReplies));
}

}  // namespace
}  // namespace keyway::proxy
