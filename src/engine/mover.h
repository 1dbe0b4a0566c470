// Moves slots between two primaries with MIGRATE, live: clients see ASK and MOVED, never a lost key. Works in
// slices of time so that its caller can look at the cluster in between; all state is in the servers
// (importing/migrating flags), so a slice can be the last one of a process and the first one of another. One
// thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/address.h"
#include "cluster/slots.h"
#include "engine/servers.h"

namespace keyway::engine {

struct MoveTask {
  std::string from_id;
  Address from;
  std::string to_id;
  Address to;
  cluster::SlotRanges slots;  // still to be moved, open ones included
  // Ids of the other nodes of either shard: an open slot whose flag names one of them was opened for this
  // move, before a failover.
  std::vector<std::string> from_others;
  std::vector<std::string> to_others;
  std::vector<Address> primaries;  // all other primaries, to be told of each move
  std::string user;                // for MIGRATE's AUTH2; empty: none
  std::string password;
};

struct MoveLimits {
  int64_t slice_ms = 200;    // how long one call may take
  int slots_in_flight = 64;  // open at the same time
  int64_t max_call_ms = 20;  // a single MIGRATE may block a server for about this long
  // How long a server waits for the other one, which may be hung. It serves nobody meanwhile: stay below the
  // time after which its own cluster gives it up.
  int64_t migrate_timeout_ms = 3000;
  std::function<int64_t()> clock_ms = {};  // any monotonic clock; none: the machine's
};

struct MoveProgress {
  int slots_done = 0;
  int64_t keys_moved = 0;
};

// Works on the task for up to `limits.slice_ms`, open slots first. A slot is given to its new owner only when
// the old one holds none of its keys and the new one has heard of the old one's config epoch, which may take
// until a later call. Errors: those of the servers, with what to do; what was done until then stays done, and
// open slots stay open for the next call.
Result<MoveProgress> move_slots(Servers& servers, const MoveTask& task, const MoveLimits& limits);

}  // namespace keyway::engine
