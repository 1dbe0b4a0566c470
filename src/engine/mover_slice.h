// One call of move_slots: a line of slots that advance stage by stage. Part of the mover.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "engine/mover_drain.h"
#include "engine/mover_view.h"

namespace keyway::engine {

// A server writes its node table once for all that one pipeline changes of it.
inline constexpr size_t kMoverSetSlots = 32;

// SETSLOTs for one server and the slots that they are about. A slot may need several in a row.
struct MoverOrders {
  std::vector<resp::Command> commands;
  std::vector<MovingSlot*> slots;

  void add(MovingSlot& slot, const char* how, const std::string& id) {
    commands.push_back({"CLUSTER", "SETSLOT", std::to_string(slot.slot), how, id});
    slots.push_back(&slot);
  }
};

// Made for one call, one thread. Turns of SETSLOTs, which are gathered
// since each such turn costs the servers a write of their node tables, alternate with turns of MIGRATEs.
class MoverSlice {
 public:
  MoverSlice(Servers& servers, const MoveTask& task, const MoveLimits& limits, MoveMemory& memory,
             const MoveHooks& hooks)
      : servers_(servers),
        task_(task),
        limits_(limits),
        memory_(memory),
        hooks_(hooks),
        drain_(task, limits, memory, hooks),
        end_us_(now_us() + limits.slice_ms * 1000),
        drain_end_us_(end_us_ + limits.grace_ms * 1000),
        others_(task.primaries) {}

  Status run();
  const MoveProgress& progress() const { return progress_; }

 private:
  int64_t now_us() const;
  void heed_stop();
  bool may_begin() const;
  bool may_drain() const { return !failed_ && (!called_ || now_us() < drain_end_us_); }
  size_t count_in(MoveStage stage) const;
  int64_t undrained_keys() const;
  int64_t expected_keys(const MovingSlot& slot) const;

  Status look();
  Status sort_out();
  Status hold_back();
  Status tell_owner_of_open();
  Status outwait_old_news();
  bool is_at_work() const;
  Status hear_claims();
  bool wait_for_claims() const;
  void pause(int64_t pause_ms) const;
  bool turn();
  bool set_slots_due() const;
  bool hand_over_due() const;
  size_t slots_to_begin() const;
  Status check_unheld(size_t count);
  Status begin(size_t count);
  Result<bool> may_hand_over();
  Status lost(const Error& error);
  Status set_slots();
  MoverOrders orders_for_target(bool hand_over);
  MoverOrders orders_for_source();
  void take(const Address& address, const MoverOrders& orders, const std::vector<resp::Reply>& replies);
  void advance(MovingSlot& slot);
  Status drain();
  void tell_others();
  void finish_turn();
  void note(const Status& status);

  Servers& servers_;
  const MoveTask& task_;
  const MoveLimits& limits_;
  MoveMemory& memory_;
  const MoveHooks& hooks_;
  MoverDrain drain_;
  int64_t end_us_;
  int64_t drain_end_us_;
  std::vector<Address> others_;  // those of the other primaries that answer
  MoverViews views_;
  std::deque<cluster::Slot> waiting_;  // not begun; those that are open first
  std::deque<MovingSlot> slots_;       // begun, not done; never more than slots_in_flight
  std::vector<cluster::Slot> done_;    // the others are to be told
  size_t set_slots_ = kMoverSetSlots;  // at most in a turn
  int64_t empty_since_us_ = -1;        // since when a slot waits to be handed over
  int64_t hand_over_at_us_ = 0;        // not before: the target has not heard enough
  bool called_ = false;                // MIGRATE, in this slice
  bool begun_ = false;                 // any slot
  bool failed_ = false;                // nothing is begun or moved any more, what is empty is handed over
  bool gone_ = false;                  // one of the two servers: nothing can be done any more
  Status first_error_;
  MoveProgress progress_;
  MoveProgress reported_;
};

}  // namespace keyway::engine
