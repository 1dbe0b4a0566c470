#include "platform/kubernetes/work_queue.h"

#include <gtest/gtest.h>

namespace keyway::platform::kubernetes {
namespace {

TEST(WorkQueueTest, EachKeyOnceInItsOrder) {
  WorkQueue queue;
  EXPECT_TRUE(queue.add("a", 0));
  EXPECT_TRUE(queue.add("b", 0));
  EXPECT_TRUE(queue.add("a", 0));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.take(0), "a");
  EXPECT_EQ(queue.take(0), "b");
  EXPECT_EQ(queue.take(0), std::nullopt);
  EXPECT_EQ(queue.next_ms(0), std::nullopt);
}

TEST(WorkQueueTest, WhatIsAddedDuringWorkComesAfterIt) {
  WorkQueue queue;
  queue.add("a", 0);
  ASSERT_EQ(queue.take(0), "a");
  queue.add("a", 1);
  queue.add("a", 1);
  EXPECT_EQ(queue.take(5), std::nullopt);
  queue.done("a");
  EXPECT_EQ(queue.take(5), "a");
  queue.done("a");
  EXPECT_EQ(queue.take(5), std::nullopt);
}

TEST(WorkQueueTest, TheEarlierTimeCounts) {
  WorkQueue queue;
  queue.add("a", 0, 1'000);
  EXPECT_EQ(queue.next_ms(0), 1'000);
  queue.add("a", 0, 100);
  queue.add("a", 0, 5'000);
  EXPECT_EQ(queue.next_ms(0), 100);
  EXPECT_EQ(queue.take(99), std::nullopt);
  EXPECT_EQ(queue.take(100), "a");
}

TEST(WorkQueueTest, FailuresComeEverSlower) {
  WorkQueue queue({.backoff_min_ms = 10, .backoff_max_ms = 35});
  int64_t now_ms = 0;
  queue.add("a", now_ms);
  for (int64_t pause_ms : {10, 20, 35, 35}) {
    ASSERT_EQ(queue.take(now_ms), "a");
    EXPECT_TRUE(queue.add_failed("a", now_ms));
    queue.done("a");
    EXPECT_EQ(queue.next_ms(now_ms), now_ms + pause_ms);
    now_ms += pause_ms;
  }
  EXPECT_EQ(queue.failures("a"), 4);
  ASSERT_EQ(queue.take(now_ms), "a");
  queue.forget_failures("a");
  queue.done("a");
  EXPECT_EQ(queue.failures("a"), 0);
  queue.add_failed("a", now_ms);
  EXPECT_EQ(queue.next_ms(now_ms), now_ms + 10);
}

TEST(WorkQueueTest, NotTooManyInASecond) {
  WorkQueue queue({.per_second = 10, .burst = 3});
  for (int i = 0; i < 20; ++i) queue.add(std::to_string(i), 0);
  int taken = 0;
  for (int64_t now_ms = 0; now_ms <= 1'000; ++now_ms) {
    while (queue.take(now_ms)) ++taken;
  }
  EXPECT_EQ(taken, 3 + 10);
  EXPECT_EQ(queue.next_ms(1'000), 1'100);
}

TEST(WorkQueueTest, IsBounded) {
  WorkQueue queue({.max_keys = 2});
  EXPECT_TRUE(queue.add("a", 0));
  EXPECT_TRUE(queue.add("b", 0));
  EXPECT_FALSE(queue.add("c", 0));
  EXPECT_FALSE(queue.add_failed("c", 0));
  EXPECT_TRUE(queue.add("a", 0));
  ASSERT_EQ(queue.take(0), "a");
  queue.done("a");
  EXPECT_TRUE(queue.add("c", 0));
}

}  // namespace
}  // namespace keyway::platform::kubernetes
