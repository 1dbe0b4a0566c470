#include "supervisor/activity.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace keyway::supervisor {
namespace {

TEST(Activity, IsReadFromTheLine) {
  const auto activity =
      parse_activity("123 (a (b) c) S 1 123 123 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 5 0 99 1 2 3", 100);
  ASSERT_TRUE(activity);
  EXPECT_EQ(activity->state, 'S');
  EXPECT_EQ(activity->cpu_ms, 3000);
}

TEST(Activity, OtherTextIsNone) {
  EXPECT_FALSE(parse_activity("", 100));
  EXPECT_FALSE(parse_activity("123 (a) S 1 2 3", 100));
  EXPECT_FALSE(parse_activity("123 (a) S 1 123 123 0 -1 4194560 1 0 0 0 x 50 0", 100));
  EXPECT_FALSE(parse_activity("123 (a) S 1 123 123 0 -1 4194560 1 0 0 0 250 50 0", 0));
}

TEST(Activity, OfThisProcess) {
  const auto activity = activity_of(::getpid());
  ASSERT_TRUE(activity);
  EXPECT_EQ(activity->state, 'R');
  EXPECT_FALSE(activity_of(0));
}

}  // namespace
}  // namespace keyway::supervisor
