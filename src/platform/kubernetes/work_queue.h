// What is still to be looked at: keys, each once, however often it was added; slowly where it fails, and
// never more of them in a second than is good for the API server. Pure: time is given, in milliseconds of a
// clock that never steps back. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace keyway::platform::kubernetes {

struct WorkQueueOptions {
  int64_t backoff_min_ms = 100;  // before a key that has failed comes again; doubles with each failure
  int64_t backoff_max_ms = 60'000;
  int64_t per_second = 50;  // keys in the long run
  int64_t burst = 200;      // and so many at once after a quiet time
  size_t max_keys = 100'000;
};

class WorkQueue {
 public:
  explicit WorkQueue(WorkQueueOptions options = {})
      : options_(options), tokens_thousandths_(options.burst * kThousand) {}

  // False: there are too many; add it later. One that is being worked on comes again after done(). One that
  // waits for a later time comes at the earlier of the two.
  bool add(const std::string& key, int64_t now_ms, int64_t delay_ms = 0);
  // It has failed: it comes again after a pause that grows.
  bool add_failed(const std::string& key, int64_t now_ms);
  // It has succeeded: the next failure is the first one.
  void forget_failures(const std::string& key);

  // The key that has been due for longest, which is being worked on until done().
  std::optional<std::string> take(int64_t now_ms);
  void done(const std::string& key);

  // When take() may give something next; nothing: never, as things are.
  std::optional<int64_t> next_ms(int64_t now_ms) const;
  size_t size() const { return due_.size(); }
  int failures(const std::string& key) const;

 private:
  static constexpr int64_t kThousand = 1'000;

  struct Entry {
    std::optional<int64_t> due_ms;  // in due_, unless it is being worked on
    bool working = false;
    int failures = 0;
    uint64_t order = 0;
  };
  using Due = std::set<std::pair<std::pair<int64_t, uint64_t>, std::string>>;

  void schedule(const std::string& key, Entry& entry, int64_t due_ms);
  void drop_if_idle(const std::string& key);
  void refill(int64_t now_ms);

  WorkQueueOptions options_;
  std::map<std::string, Entry> entries_;
  Due due_;
  uint64_t last_order_ = 0;
  int64_t tokens_thousandths_;
  int64_t filled_at_ms_ = 0;
  bool filled_ = false;
};

}  // namespace keyway::platform::kubernetes
