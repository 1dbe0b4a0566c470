#include "platform/kubernetes/memory_share.h"

#include <algorithm>
#include <limits>

namespace keyway::platform::kubernetes {

namespace {

constexpr int64_t kMebibyte = 1 << 20;
// A replica's output buffer may grow to 256 MiB before the server gives it up, but seldom does; what is kept
// for all of them beside the share is for small pods, where a quarter is little.
constexpr int64_t kFixedBytes = 64 * kMebibyte;

}  // namespace

int64_t max_memory_within(int64_t limit_bytes) {
  return std::max(limit_bytes / 2, limit_bytes / 4 * 3 - kFixedBytes);
}

int64_t limit_for(int64_t max_memory_bytes) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 4;
  const int64_t data = std::min(max_memory_bytes, kMost);
  const int64_t limit = std::min(2 * data, (data + kFixedBytes + 2) / 3 * 4);
  return (limit + kMebibyte - 1) / kMebibyte * kMebibyte;
}

}  // namespace keyway::platform::kubernetes
