// Moves slots between two primaries with MIGRATE, live: clients see ASK and MOVED, never a lost key. Works in
// slices of time so that its caller can look at the cluster in between; all state is in the servers
// (importing/migrating flags), so a slice can be the last one of a process and the first one of another. One
// thread at a time. Why it is as it is: docs/internals/mover.md.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "cluster/observed.h"
#include "cluster/slots.h"
#include "engine/mover_pace.h"
#include "engine/servers.h"

namespace keyway::engine {

struct MoveTask {
  std::string from_id;
  Address from;
  std::string to_id;
  Address to;
  Address to_announced;       // where the source reaches the target; empty: at `to`
  cluster::SlotRanges slots;  // still to be moved, open ones included
  // Ids of the other nodes of either shard: an open slot whose flag names one of them was opened for this
  // move, before a failover.
  std::vector<std::string> from_others;
  std::vector<std::string> to_others;
  std::vector<Address> primaries;  // all other primaries, to be told of each move
  // The target is a Valkey server: it takes over what it imports as soon as a message of the source does not
  // claim it, an old one from before the source had the slot, too.
  bool target_takes_over = false;
  // The target is a Redis server that remembers too long who did not claim a slot: see make_claims_heard.
  bool target_misses_claims = false;
  std::string user;      // for MIGRATE's AUTH2; empty: AUTH
  std::string password;  // empty: none
};

// Its name in the cluster, its address and what is particular about it.
void describe_target(const cluster::NodeFacts& to, MoveTask& task);

struct MoveLimits {
  int64_t slice_ms = 200;    // how long one call may take
  int64_t grace_ms = 0;      // so much longer for the slots that are open by then
  int slots_in_flight = 64;  // open at the same time
  int64_t max_call_ms = 20;  // a single MIGRATE may block a server for about this long
  // A key that would block it for longer than this is not moved: the other servers would take it for dead.
  int64_t max_stall_ms = 4000;
  // How long a server waits for the other one, which may be hung. It serves nobody meanwhile: stay below the
  // time after which its own cluster gives it up. For a single big key it may be more.
  int64_t migrate_timeout_ms = 3000;
  int64_t max_keys_a_call = 0;       // 0: no limit but the time
  int64_t max_bytes_a_pipeline = 0;  // 0: likewise
  // Whether keys that the target holds though it never imported the slot may be overwritten.
  bool replace = true;
  // Whether open slots wait for a server that was lost while it imported them.
  bool heed_lost_importers = true;
  std::function<int64_t()> clock_ms = {};      // any monotonic clock; none: the machine's
  std::function<void(int64_t)> pause_ms = {};  // none: this thread sleeps
};

struct MoveProgress {
  int slots_done = 0;
  int64_t keys_moved = 0;
  int64_t bytes_moved = 0;  // in the servers' memory
};

// A key that blocks both servers for longer than a call should.
struct BigKey {
  cluster::Slot slot = 0;
  std::string name;
  int64_t size_bytes = 0;
  int64_t stall_ms = 0;  // estimated
};

struct MoveHooks {
  std::function<bool()> stop = {};  // asked between pipelines; once true, no more slots are begun
  std::function<void(const BigKey&)> on_big_key = {};         // before it is moved
  std::function<void(cluster::Slot)> on_slot = {};            // it has changed hands, and both servers know
  std::function<void(const MoveProgress&)> on_progress = {};  // since the last one; may wait
};

// What was learnt of a pair of servers; worth keeping for its next slice. Belongs to the caller.
struct MoveMemory {
  MovePace pace;
  double keys_a_slot = 0;     // 0: unknown
  bool sizes_denied = false;  // MEMORY USAGE is not allowed to us
  // A MIGRATE ended in a way that may have left copies on their way; they are got rid of before the next one.
  bool unsettled = false;
  cluster::SlotSet opened;     // in any slice
  std::string target_id;       // of the last slice
  cluster::SlotSet imported;   // what it was told, or may have heard, to import
  cluster::SlotSet strangers;  // what a target before it was told so
  // Slots that may not change hands as long as `lost_importer` may come back: see mover_lost_importer.h.
  cluster::SlotSet held;
  Address lost_importer;
  bool outranked = false;  // the source was given a later config epoch than that one can have
  // Of a target that misses claims: slots that it has heard the source claim, or hears of before it is given
  // any, from `claims_due_us` on; -1: it has heard.
  cluster::SlotSet claimed;
  int64_t claims_due_us = -1;
  int64_t sliced_us = -1;  // when the last slice ended; -1: there was none
};

// Memories of many pairs. One thread at a time.
class MoveMemories {
 public:
  MoveMemory& of(const std::string& from_id, const std::string& to_id);

 private:
  std::map<std::pair<std::string, std::string>, MoveMemory> pairs_;  // never more than a few hundred
};

// Works on the task for up to `limits.slice_ms`, open slots first. A slot is given to its new owner only when
// the old one holds none of its keys and the new one has heard of the old one's config epoch, which may take
// until a later call. Errors: those of the servers, with what to do; what was done until then stays done (the
// hooks were told), and open slots stay open for the next call.
Result<MoveProgress> move_slots(Servers& servers, const MoveTask& task, const MoveLimits& limits,
                                MoveMemory& memory, const MoveHooks& hooks = {});

// What a person must know of slots that are held, and what to do.
std::string why_held(const MoveMemory& memory);

// Closes those of the task's slots that are open though nothing of them is on the target yet; gives those
// that stay open. For a move that will not go on.
Result<cluster::SlotRanges> close_untouched(Servers& servers, const MoveTask& task);

}  // namespace keyway::engine
