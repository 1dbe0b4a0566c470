#include "proxy/slow_log.h"

#include <utility>

namespace keyway::proxy {

void SlowLog::add(SlowRequest request) {
  std::lock_guard lock(mutex_);
  if (ring_.size() < kEntries) {
    ring_.push_back(std::move(request));
  } else {
    ring_[next_] = std::move(request);
  }
  next_ = (next_ + 1) % kEntries;
}

std::vector<SlowRequest> SlowLog::entries() const {
  std::lock_guard lock(mutex_);
  std::vector<SlowRequest> entries;
  for (size_t i = 0; i < ring_.size(); ++i) entries.push_back(ring_[(next_ + kEntries - 1 - i) % kEntries]);
  return entries;
}

}  // namespace keyway::proxy
