// Virtual time: a queue of things that happen at a moment. Time jumps from one to the next; nothing waits for
// a real clock. Things due at the same moment happen in the order in which they were put in. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace keyway::simulation {

class Scheduler {
 public:
  using Task = std::function<void()>;

  int64_t now_us() const { return now_us_; }
  int64_t now_ms() const { return now_us_ / 1000; }

  void after(int64_t delay_us, Task task) { at(now_us_ + delay_us, std::move(task)); }

  void at(int64_t time_us, Task task) {
    heap_.push_back(Entry{std::max(time_us, now_us_), sequence_++, std::move(task)});
    std::push_heap(heap_.begin(), heap_.end(), Later{});
  }

  // Carries out the next thing if it is due at `limit_us` or before; else moves the clock there and returns
  // false.
  bool step(int64_t limit_us) {
    if (heap_.empty() || heap_.front().time_us > limit_us) {
      now_us_ = std::max(now_us_, limit_us);
      return false;
    }
    std::pop_heap(heap_.begin(), heap_.end(), Later{});
    Entry entry = std::move(heap_.back());
    heap_.pop_back();
    now_us_ = entry.time_us;
    entry.task();
    return true;
  }

  void run_until(int64_t limit_us) {
    while (step(limit_us)) {
    }
  }

 private:
  struct Entry {
    int64_t time_us;
    uint64_t sequence;
    Task task;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const {
      return a.time_us != b.time_us ? a.time_us > b.time_us : a.sequence > b.sequence;
    }
  };

  int64_t now_us_ = 0;
  uint64_t sequence_ = 0;
  std::vector<Entry> heap_;
};

}  // namespace keyway::simulation
