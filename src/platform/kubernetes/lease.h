// Who holds a Lease (coordination.k8s.io/v1), judged so that two never believe to hold it at once. A holder
// counts from when it SENT the last renewal that succeeded, a challenger from when it SAW the last change,
// which is later; so whatever a request takes, the holder has let go before anybody may take over. Clocks are
// never compared: the times in the object are for people. Pure: time is given, requests are somebody else's
// (LeaseKeeper). One thread. Who deletes the object of a living holder breaks the promise: a newcomer cannot
// know that there was one.
//
// Time is in milliseconds of a clock that never steps back and also counts while the machine sleeps
// (CLOCK_BOOTTIME).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace keyway::platform::kubernetes {

// What a Lease object says.
struct LeaseRecord {
  std::string holder;  // empty: released
  int64_t duration_ms = 0;
  int64_t transitions = 0;  // how often it has changed hands
  int64_t acquired_us = 0;  // Unix time
  int64_t renewed_us = 0;
  std::string resource_version;  // as read

  // Whether something happened to the holding; labels and the like are no sign of life.
  bool same_holding(const LeaseRecord& other) const {
    return holder == other.holder && duration_ms == other.duration_ms && transitions == other.transitions &&
           acquired_us == other.acquired_us && renewed_us == other.renewed_us;
  }
};

struct LeaseTimes {
  int64_t duration_ms = 15'000;  // whole seconds, after which a challenger may take over
  int64_t hold_ms = 10'000;      // after which a holder that could not renew lets go; well below duration_ms
  int64_t renew_ms = 5'000;      // between renewals
  int64_t retry_ms = 1'000;      // after a failure
  int64_t look_ms = 2'000;       // between a challenger's looks
};

class Lease {
 public:
  // `identity` is unlike that of every other process that wants the lease, and unlike that of this one's
  // former lives unless it may continue their holding.
  Lease(std::string identity, LeaseTimes times) : identity_(std::move(identity)), times_(times) {}

  enum class Ask {
    kNothing,  // until `at_ms`
    kRead,
    kCreate,  // there is no such object
    kWrite,   // in place of the one with record.resource_version
  };
  struct Order {
    Ask ask = Ask::kNothing;
    int64_t at_ms = 0;   // of kNothing
    LeaseRecord record;  // of kCreate and kWrite
  };

  // What to do at `now_ms`. After each order but kNothing exactly one of the functions below is called, and
  // until then no further order is given. `unix_us` goes into the object.
  Order next(int64_t now_ms, int64_t unix_us);

  // It was read; nothing: there is none.
  void was_read(int64_t now_ms, const std::optional<LeaseRecord>& record);
  // It was created or written; the object has `resource_version` by now.
  void was_written(int64_t now_ms, const std::string& resource_version);
  // Somebody else was faster, or it is not there any more: nothing was written.
  void was_refused(int64_t now_ms);
  // No answer: it may have been done, or not.
  void was_lost(int64_t now_ms);
  // Somebody saw the object elsewhere, in a watch: saves looks. May be late or out of order.
  void was_seen(int64_t now_ms, const LeaseRecord& record);

  // Whether it is held, for sure, at `now_ms`; and until when if nothing more succeeds.
  bool holds(int64_t now_ms) const { return now_ms < held_until_ms_; }
  int64_t held_until_ms() const { return held_until_ms_; }
  // Rises with each change of hands: who acts for a holder can tell it to those that refuse older ones.
  int64_t transitions() const { return seen_ ? seen_->transitions : 0; }
  // Whom the object names; empty: nobody, or not read yet.
  std::string holder() const { return seen_ ? seen_->holder : ""; }

  // Not held any more from now on, whatever follows: call it after having stopped to act. The object is told;
  // others can take over at once. try_again() ends that.
  void release(int64_t now_ms);
  void try_again(int64_t now_ms);
  // It has been released, and the object says so or is another's.
  bool released() const { return goal_ == Goal::kReleased && state_ == State::kIdle && !named_here(); }

 private:
  enum class Goal { kHeld, kReleased };
  enum class State {
    kUnread,   // the object is not known, or not well enough
    kIdle,     // it is known
    kReading,  // a request is under way
    kWriting,
  };

  bool named_here() const { return seen_ && seen_->holder == identity_; }
  LeaseRecord own_record(int64_t unix_us) const;
  Order write(int64_t now_ms, LeaseRecord record);
  void take(int64_t now_ms, const LeaseRecord& record);
  // When a challenger may take what it sees.
  int64_t free_at_ms() const;

  std::string identity_;
  LeaseTimes times_;
  Goal goal_ = Goal::kHeld;
  State state_ = State::kUnread;
  int64_t next_at_ms_ = 0;
  std::optional<LeaseRecord> seen_;  // the last that there was; nothing: never any
  bool exists_ = false;
  int64_t changed_at_ms_ = 0;  // when the holding was seen to change
  int64_t held_until_ms_ = INT64_MIN;
  // The write that is under way, or that was lost.
  LeaseRecord sent_;
  int64_t sent_at_ms_ = 0;
  bool outcome_unknown_ = false;
};

}  // namespace keyway::platform::kubernetes
