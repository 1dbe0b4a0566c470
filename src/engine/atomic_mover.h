// Moves slots by the servers' own atomic migration (Valkey from 9: CLUSTER MIGRATESLOTS). The source sends a
// snapshot of a job's slots and then what is written meanwhile, and all of them change hands at one moment;
// clients see MOVED only. At that moment the source deletes what it had, deaf to everybody, so jobs are kept
// small. The servers hold all state: jobs of an interrupted call go on and are found by the next one. One
// thread at a time.
#pragma once

#include "engine/mover.h"

namespace keyway::engine {

struct AtomicLimits {
  int64_t keys_a_job = 50'000;                 // unless a single slot has more
  int jobs_at_once = 8;                        // in the source's queue, which works on one after the other
  int64_t job_timeout_ms = 600'000;            // with no job ending
  int64_t silence_timeout_ms = 15'000;         // with no answer of the target
  std::function<int64_t()> clock_ms = {};      // any monotonic clock; none: the machine's
  std::function<void(int64_t)> pause_ms = {};  // between looks; none: this thread sleeps
};

// Whether all of them know the command.
Result<bool> can_move_atomically(Servers& servers, const std::vector<Address>& addresses);

// Moves the task's slots that its source still owns. When `hooks.stop` says so, what has not changed hands is
// cancelled: each slot is either at the target as a whole or where it was. Progress is told as jobs end.
// Errors: kConflict if a slot of either server is open by the classic way, or the source works on jobs that
// are none of this task; kExhausted if the target is full; kUnavailable if a job failed for a reason that may
// pass, such as a server that was replaced (nothing of the job has moved then); those of the servers.
Result<MoveProgress> move_slots_atomically(Servers& servers, const MoveTask& task, const AtomicLimits& limits,
                                           const MoveHooks& hooks = {});

}  // namespace keyway::engine
