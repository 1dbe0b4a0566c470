// What the source of a move is asked in one pipeline: keys of slots that are on their way, their sizes, and
// MIGRATEs of those whose size is known. Part of the mover; one slice's, one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "engine/mover.h"

namespace keyway::engine {

enum class MoveStage {
  kImport,    // the target is to be told that it imports
  kExport,    // the source is to be told that it migrates
  kDrain,     // keys are on their way
  kHandOver,  // the source holds none any more; the target is to be told that it owns
  kLetGo,     // the target owns; the source is to be told
  kDone,      // both know
  kStuck,     // a server refused something; it stays as it is
};

struct MovingSlot {
  cluster::Slot slot = 0;
  MoveStage stage = MoveStage::kImport;
  bool tell_owner = false;         // the target does not know that the source owns it
  bool importing = false;          // the target knows that it imports it
  bool exported = false;           // the source knows that it migrates it
  std::deque<std::string> listed;  // keys that the source holds, of unknown size
  std::deque<SizedKey> ready;      // keys to be moved next
  bool begun = false;              // its keys were asked for
  bool all_listed = false;         // the last list held all that there were
  int lists = 0;                   // since a key was moved
  int64_t keys_moved = 0;

  bool undrained() const { return stage <= MoveStage::kDrain; }
};

class MoverDrain {
 public:
  // What a pipeline asks, in order.
  struct Question {
    enum class Kind { kMigrate, kCount, kList, kSize } kind = Kind::kList;
    MovingSlot* slot = nullptr;
    int64_t keys = 0;   // asked for, or on their way
    int64_t bytes = 0;  // of those on their way
  };
  struct Pipeline {
    std::vector<resp::Command> commands;
    std::vector<Question> questions;  // one for each command
    MoveLoad load;
    int64_t hang_ms = 0;  // how long the source may wait for a hung target, beside its work
  };

  // All outlive it.
  MoverDrain(const MoveTask& task, const MoveLimits& limits, MoveMemory& memory, const MoveHooks& hooks)
      : task_(task), limits_(limits), memory_(memory), hooks_(hooks) {}

  // Takes keys out of `slots`, which stay where they are until `apply`. Without `moves` only what comes
  // before MIGRATE is asked.
  Pipeline plan(std::deque<MovingSlot>& slots, bool moves);
  // `replies` may be fewer than the questions if the connection was lost. The first error, with the slot that
  // it was about put aside; the others' answers are taken all the same.
  Status apply(const Pipeline& pipeline, std::vector<resp::Reply>& replies, MoveProgress& progress);

  // About how many keys of unknown size one pipeline moves, and how many of slots that have so many each.
  int64_t keys_a_pipeline() const;
  int64_t keys_a_pipeline(int64_t keys_a_slot) const;
  int64_t max_call_us() const { return limits_.max_call_ms * 1000; }

 private:
  void plan_moves(std::deque<MovingSlot>& slots, Pipeline& pipeline);
  bool plan_moves_of(MovingSlot& slot, Pipeline& pipeline, int64_t& room);
  void plan_lists(std::deque<MovingSlot>& slots, Pipeline& pipeline);
  void plan_sizes(std::deque<MovingSlot>& slots, Pipeline& pipeline);
  void ask_list(MovingSlot& slot, Pipeline& pipeline);
  void set_timeouts(Pipeline& pipeline) const;
  void add_call(MovingSlot& slot, size_t count, Pipeline& pipeline) const;
  bool is_full(const Pipeline& pipeline) const;
  int64_t room() const;

  Status take(const Question& question, const resp::Command& command, resp::Reply& reply,
              MoveProgress& progress);
  Status take_migrated(const Question& question, const resp::Command& command, const resp::Reply& reply,
                       MoveProgress& progress);
  Status take_count(const Question& question, const resp::Command& command, const resp::Reply& reply);
  Status take_list(const Question& question, const resp::Command& command, resp::Reply& reply);
  Status take_size(const Question& question, const resp::Command& command, const resp::Reply& reply);
  Status check_size(MovingSlot& slot, const SizedKey& key);
  Status refused(MovingSlot& slot, const resp::Command& command, const resp::Reply& reply) const;

  const MoveTask& task_;
  const MoveLimits& limits_;
  MoveMemory& memory_;
  const MoveHooks& hooks_;
  int64_t list_keys_ = 100;  // a list; adapts to the length of names
  double key_weight_ = 500;  // of late
};

}  // namespace keyway::engine
