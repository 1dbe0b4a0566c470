#include "admin/key_queue.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace keyway::admin {

namespace {

constexpr size_t kFirstPlaces = 1024;

uint64_t hash_of(std::string_view key) { return std::max<uint64_t>(1, std::hash<std::string_view>{}(key)); }

}  // namespace

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
  uint64_t hash = hash_of(key);
  if (table_.empty() || count_ * 4 >= table_.size() * 3) grow();
  uint64_t& place_of_it = table_[place(hash)];
  if (place_of_it == hash) return;
  if (count_ >= limit_) {
    full_ = true;
    return;
  }
  place_of_it = hash;
  ++count_;
}

bool KeyMarks::contains(std::string_view key) const {
  uint64_t hash = hash_of(key);
  return !table_.empty() && table_[place(hash)] == hash;
}

// Where the hash is, or would be.
size_t KeyMarks::place(uint64_t hash) const {
  size_t mask = table_.size() - 1;
  size_t at = hash & mask;
  while (table_[at] != 0 && table_[at] != hash) at = (at + 1) & mask;
  return at;
}

void KeyMarks::grow() {
  std::vector<uint64_t> old =
      std::exchange(table_, std::vector<uint64_t>(std::max(kFirstPlaces, table_.size() * 2)));
  for (uint64_t hash : old) {
    if (hash != 0) table_[place(hash)] = hash;
  }
}

}  // namespace keyway::admin
