// What the threads of one move share: which pair is whose, what was moved so far, what a person is to be
// told, and when to slow down or to stop. Owned by carry_out; all of it may be called from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "admin/move.h"
#include "admin/throttle.h"
#include "engine/mover.h"

namespace keyway::admin {

class MoveBoard {
 public:
  // Both outlive it.
  MoveBoard(const Session& session, const MovePlan& plan, const MoveOptions& options)
      : session_(session), plan_(plan), options_(options), throttle_(options.max_bytes_per_s) {
    for (size_t i = 0; i < plan.moves.size(); ++i) waiting_.insert(i);
  }

  // The next pair whose servers are free: a source has one target at a time, a target at most two sources,
  // and nobody is both, for a server that waits for another in MIGRATE answers nobody (two that wait for each
  // other would do so until their timeout). Waits for one; nothing: all are taken, or the move is over.
  std::optional<size_t> take_pair();
  void end_pair(size_t pair, const Status& status);

  // No more slots are begun: a person said so, or another pair failed.
  bool stopping() const { return failed_ || session_.interrupted(); }
  // Lets `wait_ms` pass, or less if the move stops.
  void wait(int64_t wait_ms);

  void add(const engine::MoveProgress& step);
  // Holds the caller up as the limits on bytes and latency ask.
  void brake(int64_t bytes, const Address& from, const Address& to);
  void warn(std::string line);

  // For the main thread.
  bool wait_for_end(int64_t wait_ms);  // true: no pair is at work, and none will be
  std::vector<std::string> take_warnings();
  engine::MoveProgress moved() const;
  Status status() const;
  std::vector<Address> servers_at_work() const;
  void set_latency(const Address& server, int64_t latency_ms);

 private:
  bool is_free(size_t pair) const;
  bool any_slow(const Address& from, const Address& to) const;

  const Session& session_;
  const MovePlan& plan_;
  const MoveOptions& options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::set<size_t> waiting_;
  std::set<size_t> at_work_;
  engine::MoveProgress moved_;
  Status status_;                      // the first failure
  std::vector<std::string> warnings_;  // a bounded number, taken by the main thread
  size_t warnings_dropped_ = 0;
  std::string last_warning_;  // two pairs may have the same to say
  Throttle throttle_;
  std::map<Address, int64_t> latency_ms_;
  std::atomic<bool> failed_ = false;
};

}  // namespace keyway::admin
