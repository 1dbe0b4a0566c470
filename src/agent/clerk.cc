#include "agent/clerk.h"

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace keyway::agent {

namespace {

constexpr int64_t kMarkRetryMs = 1000;
constexpr int64_t kUsPerMs = 1000;
constexpr int kMaxConflicts = 4;      // writes of one Lease at once
constexpr int64_t kConflictMs = 100;  // then it is tried again after this

}  // namespace

bool View::is_free(int64_t now_ms) const {
  if (!lease_read) return false;
  if (!lease || lease->holder.empty()) return true;
  return !mine && now_ms - changed_ms > lease->duration_ms;
}

std::string View::holder(int64_t now_ms) const {
  return lease && !is_free(now_ms) ? lease->holder : std::string();
}

RoleMark View::mark_of(const std::string& pod) const {
  auto found = std::ranges::find(pods, pod, &Pod::name);
  return found == pods.end() ? RoleMark::kNone : found->role;
}

Clerk::Clerk(Registry& registry, ClerkOptions options) : registry_(registry), options_(std::move(options)) {}

int64_t Clerk::step(const Wish& wish, int64_t now_ms) {
  tend_lease(wish, now_ms);
  if (pods_listed_ms_ == 0 || now_ms >= pods_listed_ms_ + wish.pods_period_ms) {
    list_pods();
    pods_listed_ms_ = now_ms;
  }
  mark(wish);
  return std::min({lease_due_ms(wish), pods_listed_ms_ + wish.pods_period_ms, now_ms + kMarkRetryMs});
}

int64_t Clerk::lease_due_ms(const Wish& wish) const {
  if (lease_tended_ms_ == 0) return 0;
  return lease_tended_ms_ + (view_.mine ? options_.renew_ms : wish.lease_period_ms);
}

void Clerk::tend_lease(const Wish& wish, int64_t now_ms) {
  bool held_as_us = view_.mine || (view_.lease && view_.lease->holder == options_.identity);
  bool giving_up = held_as_us && wish.hold == Wish::Hold::kGiveUp;
  bool as_seen = view_.lease_read && (view_.lease ? view_.lease->resource_version : "") == wish.take_version;
  bool taking = !view_.mine && wish.hold == Wish::Hold::kHold && as_seen;
  bool news = (wish.note_now && view_.lease && view_.lease->note != wish.note) ||
              (!wish.report.empty() && view_.lease && view_.lease->report != wish.report);
  bool telling = view_.mine && news;
  if (!giving_up && !taking && !telling && now_ms < lease_due_ms(wish)) return;
  bool writes = giving_up || taking || (view_.mine && wish.hold != Wish::Hold::kWatch);
  lease_tended_ms_ = now_ms;
  if (!writes) {
    // A Lease that is no longer renewed is not held for longer than the last renewal said.
    if (view_.mine && now_ms - view_.renewed_ms > options_.duration_ms) view_.mine = false;
    return read_lease(now_ms);
  }
  write_lease(wish, giving_up, now_ms);
}

Lease Clerk::next_lease(const Wish& wish, bool giving_up) const {
  Lease next = view_.lease.value_or(Lease{});
  int64_t now_us = wall_ms() * kUsPerMs;
  if (!giving_up && next.holder != options_.identity) {
    next.acquired_us = now_us;
    ++next.transitions;
  }
  next.name = options_.lease;
  next.holder = giving_up ? "" : options_.identity;
  next.duration_ms = options_.duration_ms;
  next.renewed_us = std::max(now_us, next.renewed_us + 1);  // the others see it by that
  next.note = wish.note;
  if (!wish.report.empty()) next.report = wish.report;
  return next;
}

// A write is refused if anything was written since: by another holder, or into an annotation that is
// somebody else's. The latter costs nobody his Lease: it is read and written again at once, as of the time at
// which the first try was made.
void Clerk::write_lease(const Wish& wish, bool giving_up, int64_t now_ms) {
  bool mine = view_.mine;
  for (int i = 0; i < kMaxConflicts; ++i) {
    if (put_lease(next_lease(wish, giving_up), now_ms)) return;
    bool still_ours = mine && view_.mine && view_.last_error.empty();
    if (!still_ours) return;
  }
  lease_tended_ms_ = now_ms - options_.renew_ms + kConflictMs;
}

// False: it was refused, and has been read.
bool Clerk::put_lease(const Lease& lease, int64_t now_ms) {
  Result<Lease> written = registry_.put_lease(lease);
  if (written) {
    view_.last_error.clear();
    view_.lease = *written;
    view_.changed_ms = now_ms;
    view_.mine = lease.holder == options_.identity;
    if (view_.mine) view_.renewed_ms = now_ms;
    return true;
  }
  note_error(written.error());
  // What else went wrong leaves it open whether this was written.
  if (written.error().code != ErrorCode::kConflict) return true;
  read_lease(now_ms);
  return false;
}

void Clerk::read_lease(int64_t now_ms) {
  Result<std::optional<Lease>> read = registry_.lease(options_.lease);
  if (!read) return note_error(read.error());
  view_.last_error.clear();
  view_.read_ms = now_ms;
  bool same = view_.lease_read && read->has_value() == view_.lease.has_value() &&
              (!view_.lease || (*read)->same_holding(*view_.lease));
  if (!same) view_.changed_ms = now_ms;
  // Not told apart from a lost answer: a renewal may have worked of which nothing was heard.
  if (view_.mine && (!*read || (*read)->holder != options_.identity)) view_.mine = false;
  view_.lease = std::move(*read);
  view_.lease_read = true;
}

void Clerk::list_pods() {
  Result<std::vector<Pod>> pods = registry_.pods();
  if (!pods) return note_error(pods.error());
  view_.pods = std::move(*pods);
  view_.pods_read = true;
}

// The old label goes before the new one comes: never are two pods of a shard marked as its primary.
void Clerk::mark(const Wish& wish) {
  if (!view_.pods_read) return;
  if (!wish.node_id.empty() && wish.node_id != node_id_ && noted(registry_.mark_node_id(wish.node_id)))
    node_id_ = wish.node_id;
  if (wish.mark == RoleMark::kNone) return;
  for (Pod& pod : view_.pods) {
    bool other = pod.name != options_.pod && pod.shard == options_.shard;
    if (!other || wish.mark != RoleMark::kPrimary || pod.role != RoleMark::kPrimary) continue;
    if (!noted(registry_.mark_role(pod.name, RoleMark::kReplica))) return;
    pod.role = RoleMark::kReplica;
  }
  for (Pod& pod : view_.pods) {
    if (pod.name != options_.pod || pod.role == wish.mark) continue;
    if (noted(registry_.mark_role(pod.name, wish.mark))) pod.role = wish.mark;
  }
}

void Clerk::note_error(const Error& error) {
  ++view_.errors;
  view_.last_error = error.message;
}

bool Clerk::noted(const Status& status) {
  if (!status) note_error(status.error());
  return status.has_value();
}

ClerkThread::ClerkThread(std::unique_ptr<Registry> registry, const ClerkOptions& options)
    : registry_(std::move(registry)), clerk_(*registry_, options), thread_([this] { run(); }) {}

ClerkThread::~ClerkThread() {
  {
    std::lock_guard lock(mutex_);
    end_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ClerkThread::wish(const Wish& wish) {
  {
    std::lock_guard lock(mutex_);
    if (wish == wish_ && wishes_ > 0) return;
    wish_ = wish;
    ++wishes_;
  }
  changed_.notify_all();
}

View ClerkThread::view() {
  std::lock_guard lock(mutex_);
  return view_;
}

bool ClerkThread::settled() {
  std::lock_guard lock(mutex_);
  return acted_on_ == wishes_;
}

void ClerkThread::settle(int64_t timeout_ms) {
  std::unique_lock lock(mutex_);
  uint64_t until = wishes_;
  changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return acted_on_ >= until || end_; });
}

void ClerkThread::run() {
  std::unique_lock lock(mutex_);
  while (!end_) {
    Wish wish = wish_;
    uint64_t number = wishes_;
    lock.unlock();
    int64_t due_ms = clerk_.step(wish, monotonic_ms());
    lock.lock();
    view_ = clerk_.view();
    acted_on_ = number;
    changed_.notify_all();
    int64_t wait_ms = std::max<int64_t>(due_ms - monotonic_ms(), 1);
    changed_.wait_for(lock, std::chrono::milliseconds(wait_ms), [&] { return end_ || wishes_ != number; });
  }
}

}  // namespace keyway::agent
