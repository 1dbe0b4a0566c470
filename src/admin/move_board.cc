#include "admin/move_board.h"

#include <algorithm>
#include <chrono>

#include "base/strings.h"

namespace keyway::admin {

namespace {

constexpr size_t kSourcesOfATarget = 2;
constexpr size_t kMaxWarnings = 100;
constexpr int64_t kPollMs = 50;        // an interrupt rings no bell
constexpr int64_t kMaxSlowMs = 1000;   // then a pipeline goes although a server is slow
constexpr int64_t kMaxPauseMs = 5000;  // of one pipeline, for the limit on bytes

}  // namespace

// Called with the mutex held.
bool MoveBoard::is_free(size_t pair) const {
  const PlannedMove& move = plan_.moves[pair];
  size_t sources = 0;
  for (size_t other : at_work_) {
    const PlannedMove& busy = plan_.moves[other];
    bool tangled = busy.from_id == move.from_id || busy.from_id == move.to_id || busy.to_id == move.from_id;
    if (tangled) return false;
    if (busy.to_id == move.to_id) ++sources;
  }
  return sources < kSourcesOfATarget;
}

std::optional<size_t> MoveBoard::take_pair() {
  std::unique_lock lock(mutex_);
  while (!waiting_.empty() && !stopping()) {
    auto free = std::ranges::find_if(waiting_, [this](size_t pair) { return is_free(pair); });
    if (free != waiting_.end()) {
      size_t pair = *free;
      waiting_.erase(free);
      at_work_.insert(pair);
      return pair;
    }
    changed_.wait_for(lock, std::chrono::milliseconds(kPollMs));
  }
  return std::nullopt;
}

void MoveBoard::end_pair(size_t pair, const Status& status) {
  std::lock_guard lock(mutex_);
  at_work_.erase(pair);
  if (!status && status_) status_ = status;
  if (!status) failed_ = true;
  changed_.notify_all();
}

void MoveBoard::wait(int64_t wait_ms) {
  int64_t end_ms = now_ms() + wait_ms;
  std::unique_lock lock(mutex_);
  while (!stopping() && now_ms() < end_ms) {
    int64_t left_ms = std::clamp<int64_t>(end_ms - now_ms(), 1, kPollMs);
    changed_.wait_for(lock, std::chrono::milliseconds(left_ms));
  }
}

void MoveBoard::add(const engine::MoveProgress& step) {
  std::lock_guard lock(mutex_);
  moved_.slots_done += step.slots_done;
  moved_.keys_moved += step.keys_moved;
  moved_.bytes_moved += step.bytes_moved;
}

bool MoveBoard::any_slow(const Address& from, const Address& to) const {
  std::lock_guard lock(mutex_);
  return std::ranges::any_of(std::vector{from, to}, [this](const Address& server) {
    auto latency = latency_ms_.find(server);
    return latency != latency_ms_.end() && latency->second > options_.max_latency_ms;
  });
}

void MoveBoard::brake(int64_t bytes, const Address& from, const Address& to) {
  int64_t pause_ms = 0;
  {
    std::lock_guard lock(mutex_);
    pause_ms = throttle_.pause_ms(bytes, now_ms());
  }
  if (pause_ms > 0) wait(std::min(pause_ms, kMaxPauseMs));
  if (options_.max_latency_ms <= 0) return;
  constexpr int64_t kLookAgainMs = 10;
  int64_t end_ms = now_ms() + kMaxSlowMs;
  while (any_slow(from, to) && now_ms() < end_ms && !stopping()) wait(kLookAgainMs);
}

void MoveBoard::warn(std::string line) {
  std::lock_guard lock(mutex_);
  if (line == last_warning_) return;
  last_warning_ = line;
  if (warnings_.size() < kMaxWarnings) {
    warnings_.push_back(std::move(line));
  } else {
    ++warnings_dropped_;
  }
}

bool MoveBoard::wait_for_end(int64_t wait_ms) {
  std::unique_lock lock(mutex_);
  auto over = [this] { return at_work_.empty() && (waiting_.empty() || stopping()); };
  changed_.wait_for(lock, std::chrono::milliseconds(wait_ms), over);
  return over();
}

std::vector<std::string> MoveBoard::take_warnings() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> lines = std::exchange(warnings_, {});
  if (warnings_dropped_ > 0)
    lines.push_back(count_of(static_cast<int64_t>(warnings_dropped_), "warning") + " more");
  warnings_dropped_ = 0;
  return lines;
}

engine::MoveProgress MoveBoard::moved() const {
  std::lock_guard lock(mutex_);
  return moved_;
}

Status MoveBoard::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

std::vector<Address> MoveBoard::servers_at_work() const {
  std::lock_guard lock(mutex_);
  std::set<Address> servers;
  for (size_t pair : at_work_) {
    servers.insert(plan_.moves[pair].from);
    servers.insert(plan_.moves[pair].to);
  }
  return {servers.begin(), servers.end()};
}

void MoveBoard::set_latency(const Address& server, int64_t latency_ms) {
  std::lock_guard lock(mutex_);
  latency_ms_[server] = latency_ms;
}

}  // namespace keyway::admin
