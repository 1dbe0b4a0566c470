// What the two servers of a move say of themselves and of each other.
#pragma once

#include <map>
#include <string>

#include "engine/mover.h"

namespace keyway::engine {

struct MoverView {
  cluster::SlotSet owned;
  cluster::SlotSet peer_owned;  // by the other one, as far as it has heard
  cluster::SlotSet open;        // in the direction of this move, with the other server
  cluster::SlotSet outdated;    // the same, but the flag names a node that was replaced since
  cluster::SlotSet foreign;     // open in any other way
  uint64_t epoch = 0;           // its config epoch
  uint64_t peer_epoch = 0;      // the other's, as far as it has heard
  Address peer_address;         // where it reaches the other one
  uint16_t peer_bus_port = 0;   // likewise
  std::map<std::string, Address> idle_primaries;  // others that own nothing, by id
};

struct MoverViews {
  MoverView from;
  MoverView to;

  bool open(cluster::Slot slot) const {
    return from.open[slot] || from.outdated[slot] || to.open[slot] || to.outdated[slot];
  }
  // A server that takes a slot raises its config epoch above all that it has heard of. Had it not heard of
  // the source's latest one (or did both have the same), a message that the source sent before it let go
  // could win over it: the target would give the slot back, to a server that has forgotten it, and delete its
  // keys.
  bool target_is_current() const { return to.peer_epoch >= from.epoch && to.epoch != from.epoch; }
};

// How long a server may take to answer a few commands: more than the 2 s that Valkey lets its replicas take
// to acknowledge a SETSLOT.
inline constexpr int64_t kMoverCallTimeoutMs = 3000;

// A message of the cluster bus waits in the kernel of its sender until the one before it is acknowledged
// (Nagle), which its receiver's kernel delays for 40 ms as a rule and for 200 ms at most.
inline constexpr int64_t kOldNewsMs = 250;

// Asks both. kConflict if one of them is not the node that the task names.
Result<MoverViews> look_at_pair(Servers& servers, const MoveTask& task);

}  // namespace keyway::engine
