#include "proxy/command_rest.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "resp/command.h"

namespace keyway::proxy {
namespace {

constexpr size_t kMaxBytes = 1000;

CommandRest::Step take(std::string_view bytes, int64_t missing = 1, size_t max_bytes = kMaxBytes) {
  return CommandRest(missing, 0, max_bytes).take(bytes);
}

TEST(CommandRest, EndsWhereTheCommandDoes) {
  CommandRest::Step step = take("$3\r\nabc\r\n$0\r\n\r\n*1\r\n", 2);
  EXPECT_EQ(step.state, ScanState::kWhole);
  EXPECT_EQ(step.taken_bytes, 15U);
  EXPECT_EQ(take("$3\r\nabc\r\n$0\r\n\r").taken_bytes, 9U) << "one argument";
  EXPECT_EQ(take("$3\r\nabc\r\n$0\r\n\r", 2).state, ScanState::kPartial);
}

TEST(CommandRest, NothingWrongIsTaken) {
  struct Case {
    std::string_view bytes;
    size_t taken_bytes;
  };
  for (const Case& wrong : {Case{"+3\r\n", 0},
                            {"$\r\n", 1},
                            {"$-1\r\n", 1},
                            {"$03\r\n", 2},
                            {"$3x", 2},
                            {"$3\rx", 3},
                            {"$3\r\nabcxx", 7},
                            {"$3\r\nabc\rx", 8},
                            {"$1001\r\n", 6},
                            {"$99999999999999999999\r\n", 19}}) {
    CommandRest::Step step = take(wrong.bytes);
    EXPECT_EQ(step.state, ScanState::kBroken) << wrong.bytes;
    EXPECT_EQ(step.taken_bytes, wrong.taken_bytes) << wrong.bytes;
    ASSERT_NE(step.problem, nullptr) << wrong.bytes;
    EXPECT_TRUE(std::string_view(step.problem).starts_with("Protocol error: ")) << step.problem;
  }
}

TEST(CommandRest, BoundsTheWholeByWhatItAnnounces) {
  EXPECT_EQ(take("$10\r\n", 1, 17).state, ScanState::kPartial);
  EXPECT_STREQ(take("$10\r\n", 1, 16).problem, "Protocol error: too big request");
  CommandRest begun(1, 5, 17);
  EXPECT_EQ(begun.take("$10\r\n").state, ScanState::kBroken);
  EXPECT_EQ(take("$3\r\nabc\r\n$3\r\n", 2, 16).state, ScanState::kBroken);
}

RC_GTEST_PROP(CommandRest, PiecesOfAnySizeMakeNoDifference, (std::vector<std::string> command)) {
  RC_PRE(!command.empty());
  std::string bytes;
  resp::append(bytes, command);
  size_t begun = bytes.find('\n') + 1;
  auto piece_bytes = *rc::gen::inRange<size_t>(1, 20);
  CommandRest rest(static_cast<int64_t>(command.size()), begun, bytes.size());
  bytes += "$1\r\n";
  size_t at = begun;
  CommandRest::Step step;
  while (at < bytes.size() && step.state == ScanState::kPartial) {
    step = rest.take(std::string_view(bytes).substr(at, piece_bytes));
    at += step.taken_bytes;
    RC_ASSERT(rest.size_bytes() == at);
  }
  RC_ASSERT(step.state == ScanState::kWhole);
  RC_ASSERT(at == bytes.size() - 4);
}

}  // namespace
}  // namespace keyway::proxy
