// Keys that were found and wait to be worked on: cut into batches that neither count nor size makes too big,
// drawn from all servers in turn. And a set of keys that takes 8 bytes a key. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace keyway::admin {

struct FoundKey {
  std::string key;
  int64_t size_bytes = 0;  // about, of its value
};

class KeyQueue {
 public:
  // `source` numbers the servers from 0.
  void add(size_t source, FoundKey key);
  size_t size() const { return size_; }
  size_t size(size_t source) const { return source < waiting_.size() ? waiting_[source].size() : 0; }

  // The next keys, `max_keys` and about `max_bytes` at most; a key above that comes alone. Empty if none
  // wait.
  std::vector<FoundKey> take(size_t max_keys, int64_t max_bytes);

 private:
  std::vector<std::deque<FoundKey>> waiting_;
  size_t next_ = 0;  // whose turn it is
  size_t size_ = 0;
};

// Remembers keys by their hash: a key that was not added may be taken for one that was, with a probability of
// 1 in 2^64 for each key added.
class KeyMarks {
 public:
  explicit KeyMarks(size_t limit) : limit_(limit) {}

  // What does not fit any more makes the set full.
  void add(std::string_view key);
  bool full() const { return full_; }
  bool contains(std::string_view key) const;

 private:
  size_t place(uint64_t hash) const;
  void grow();

  size_t limit_;
  bool full_ = false;
  size_t count_ = 0;
  std::vector<uint64_t> table_;  // open addressing, a power of two of places; 0: free
};

}  // namespace keyway::admin
