#include "supervisor/repeat_limit.h"

#include <gtest/gtest.h>

namespace keyway::supervisor {
namespace {

TEST(RepeatLimit, TheFirstFewPassThenRepetitionsAreCounted) {
  RepeatLimit limit;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.admit("a", 0), 0);
  EXPECT_EQ(limit.admit("b", 0), 0);
  EXPECT_EQ(limit.admit("a", 100), std::nullopt);
  EXPECT_EQ(limit.admit("a", 4'999), std::nullopt);
  EXPECT_EQ(limit.admit("a", 5'000), 2);
  EXPECT_EQ(limit.admit("a", 10'000), std::nullopt);
  EXPECT_EQ(limit.admit("a", 15'000), 1);
}

TEST(RepeatLimit, TwentyTimesASecondForAnHourIsFewLines) {
  RepeatLimit limit;
  int told = 0;
  for (int64_t now_ms = 0; now_ms < 3'600'000; now_ms += 50) {
    if (limit.admit("a", now_ms)) ++told;
  }
  EXPECT_GE(told, 12);
  EXPECT_LE(told, 27);
}

TEST(RepeatLimit, StartsAnewAfterPeace) {
  RepeatLimit limit;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.admit("a", i), 0);
  EXPECT_EQ(limit.admit("a", 1'000), std::nullopt);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.admit("a", 121'000 + i), 0);
  EXPECT_EQ(limit.admit("a", 121'010), std::nullopt);
}

TEST(RepeatLimit, RemembersABoundedNumberOfKinds) {
  RepeatLimit limit;
  for (int i = 0; i < 5'000; ++i) limit.admit(std::to_string(i), i);
  EXPECT_LE(limit.size(), 2'000u);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(limit.admit("4999", 5'000), 0);
  EXPECT_EQ(limit.admit("4999", 5'000), std::nullopt);
}

}  // namespace
}  // namespace keyway::supervisor
