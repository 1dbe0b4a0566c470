#include "platform/kubernetes/memory_share.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace keyway::platform::kubernetes {
namespace {

constexpr int64_t kMebibyte = 1 << 20;

TEST(MemoryShare, LeavesRoomBesideTheData) {
  EXPECT_EQ(max_memory_within(65536 * kMebibyte), (49152 - 64) * kMebibyte);
  EXPECT_EQ(max_memory_within(1024 * kMebibyte), 704 * kMebibyte);
  EXPECT_EQ(max_memory_within(256 * kMebibyte), 128 * kMebibyte);
  EXPECT_EQ(max_memory_within(64 * kMebibyte), 32 * kMebibyte);
}

RC_GTEST_PROP(MemoryShare, TheLimitIsTheLeastThatHoldsTheData, ()) {
  const int64_t data = *rc::gen::inRange<int64_t>(kMebibyte, int64_t{1} << 44);
  const int64_t limit = limit_for(data);
  RC_ASSERT(limit % kMebibyte == 0);
  RC_ASSERT(max_memory_within(limit) >= data);
  RC_ASSERT(max_memory_within(limit - 2 * kMebibyte) < data);
}

}  // namespace
}  // namespace keyway::platform::kubernetes
