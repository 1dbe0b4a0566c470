#include "platform/kubernetes/lease.h"

#include <algorithm>
#include <cassert>

namespace keyway::platform::kubernetes {

namespace {

// What a released object says: whoever sees it may take it at once, and the API wants a number above 0.
constexpr int64_t kReleasedDurationMs = 1'000;

}  // namespace

int64_t Lease::free_at_ms() const {
  if (!seen_ || seen_->holder.empty() || named_here()) return INT64_MIN;
  // As long as the holder itself was promised; an object without a promise gets ours.
  int64_t duration_ms = seen_->duration_ms > 0 ? seen_->duration_ms : times_.duration_ms;
  return changed_at_ms_ + duration_ms;
}

LeaseRecord Lease::own_record(int64_t unix_us) const {
  LeaseRecord record;
  record.holder = identity_;
  record.duration_ms = times_.duration_ms;
  record.acquired_us = unix_us;
  record.renewed_us = unix_us;
  if (!seen_) return record;
  record.resource_version = seen_->resource_version;
  record.transitions = seen_->transitions + (named_here() ? 0 : 1);
  if (named_here()) record.acquired_us = seen_->acquired_us;
  return record;
}

Lease::Order Lease::write(int64_t now_ms, LeaseRecord record) {
  state_ = State::kWriting;
  sent_ = record;
  sent_at_ms_ = now_ms;
  Ask ask = exists_ ? Ask::kWrite : Ask::kCreate;
  return {.ask = ask, .at_ms = now_ms, .record = std::move(record)};
}

Lease::Order Lease::next(int64_t now_ms, int64_t unix_us) {
  assert(state_ == State::kUnread || state_ == State::kIdle);
  if (now_ms < next_at_ms_) return {.ask = Ask::kNothing, .at_ms = next_at_ms_, .record = {}};
  if (state_ == State::kUnread) {
    state_ = State::kReading;
    return {.ask = Ask::kRead, .at_ms = now_ms, .record = {}};
  }
  if (goal_ == Goal::kReleased) {
    if (!named_here()) {
      next_at_ms_ = now_ms + times_.look_ms;
      return {.ask = Ask::kNothing, .at_ms = next_at_ms_, .record = {}};
    }
    LeaseRecord record = own_record(unix_us);
    record.holder.clear();
    record.duration_ms = kReleasedDurationMs;
    return write(now_ms, std::move(record));
  }
  if (now_ms >= free_at_ms()) return write(now_ms, own_record(unix_us));
  // Another's: look again, at the latest when it could be taken.
  state_ = State::kReading;
  return {.ask = Ask::kRead, .at_ms = now_ms, .record = {}};
}

// The holding's age counts from the first look that shows it, not from this one.
void Lease::take(int64_t now_ms, const LeaseRecord& record) {
  if (!seen_ || !seen_->same_holding(record)) changed_at_ms_ = now_ms;
  seen_ = record;
  // A write whose answer was lost has arrived if the object says what it said: then it counts from when it
  // was sent.
  bool arrived = outcome_unknown_ && record.holder == identity_ && sent_.holder == identity_ &&
                 record.same_holding(sent_);
  if (arrived && goal_ == Goal::kHeld)
    held_until_ms_ = std::max(held_until_ms_, sent_at_ms_ + times_.hold_ms);
  // Somebody else took it, which can only be after our time; but what is seen is certain.
  if (record.holder != identity_) held_until_ms_ = INT64_MIN;
  outcome_unknown_ = false;
}

void Lease::was_read(int64_t now_ms, const std::optional<LeaseRecord>& record) {
  assert(state_ == State::kReading);
  state_ = State::kIdle;
  exists_ = record.has_value();
  if (record) {
    take(now_ms, *record);
  } else {
    // Deleted by somebody: its last holder still counts on its time.
    if (seen_) seen_->resource_version.clear();
    if (seen_ && goal_ == Goal::kReleased) seen_->holder.clear();
    outcome_unknown_ = false;
    held_until_ms_ = INT64_MIN;
  }
  next_at_ms_ = std::clamp(free_at_ms(), now_ms, now_ms + times_.look_ms);
  if (named_here() && holds(now_ms))
    next_at_ms_ = std::max(now_ms, held_until_ms_ - times_.hold_ms + times_.renew_ms);
}

void Lease::was_written(int64_t now_ms, const std::string& resource_version) {
  assert(state_ == State::kWriting);
  state_ = State::kIdle;
  exists_ = true;
  seen_ = sent_;
  seen_->resource_version = resource_version;
  changed_at_ms_ = now_ms;
  outcome_unknown_ = false;
  bool held = goal_ == Goal::kHeld && sent_.holder == identity_;
  if (held) held_until_ms_ = sent_at_ms_ + times_.hold_ms;
  next_at_ms_ = held ? std::max(now_ms, sent_at_ms_ + times_.renew_ms) : now_ms;
}

void Lease::was_refused(int64_t now_ms) {
  assert(state_ == State::kWriting);
  state_ = State::kUnread;
  next_at_ms_ = now_ms;
}

void Lease::was_lost(int64_t now_ms) {
  assert(state_ == State::kReading || state_ == State::kWriting);
  outcome_unknown_ = outcome_unknown_ || state_ == State::kWriting;
  state_ = State::kUnread;
  next_at_ms_ = now_ms + times_.retry_ms;
}

void Lease::was_seen(int64_t now_ms, const LeaseRecord& record) {
  // While a request is under way its answer is newer, or is refused.
  if (state_ != State::kIdle || !exists_ || seen_->same_holding(record)) return;
  // An older state, of our own or of one before us.
  if (record.holder == identity_ || record.transitions < seen_->transitions) return;
  take(now_ms, record);
  next_at_ms_ = std::clamp(free_at_ms(), now_ms, now_ms + times_.look_ms);
}

void Lease::release(int64_t now_ms) {
  goal_ = Goal::kReleased;
  held_until_ms_ = INT64_MIN;
  next_at_ms_ = std::min(next_at_ms_, now_ms);
}

void Lease::try_again(int64_t now_ms) {
  goal_ = Goal::kHeld;
  next_at_ms_ = std::min(next_at_ms_, now_ms);
}

}  // namespace keyway::platform::kubernetes
