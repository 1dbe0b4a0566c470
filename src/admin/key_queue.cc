#include "admin/key_queue.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace keyway::admin {

void KeyQueue::add(size_t source, FoundKey key) {
  if (source >= waiting_.size()) waiting_.resize(source + 1);
  waiting_[source].push_back(std::move(key));
  ++size_;
}

std::vector<FoundKey> KeyQueue::take(size_t max_keys, int64_t max_bytes) {
  std::vector<FoundKey> batch;
  int64_t bytes = 0;
  while (size_ > 0 && batch.size() < max_keys) {
    std::deque<FoundKey>& queue = waiting_[next_ % waiting_.size()];
    if (queue.empty()) {
      ++next_;
      continue;
    }
    bytes += queue.front().size_bytes;
    if (bytes > max_bytes && !batch.empty()) break;
    batch.push_back(std::move(queue.front()));
    queue.pop_front();
    --size_;
    ++next_;
  }
  return batch;
}

void KeyMarks::add(std::string_view key) {
  if (hashes_.size() >= limit_) {
    full_ = true;
    return;
  }
  hashes_.push_back(std::hash<std::string_view>{}(key));
}

bool KeyMarks::contains(std::string_view key) {
  if (sorted_ < hashes_.size()) {
    std::sort(hashes_.begin(), hashes_.end());
    hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
    sorted_ = hashes_.size();
  }
  return std::binary_search(hashes_.begin(), hashes_.end(), std::hash<std::string_view>{}(key));
}

}  // namespace keyway::admin
