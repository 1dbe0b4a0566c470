// Adding nodes to a cluster and removing them.
#pragma once

#include <string>

#include "admin/move.h"

namespace keyway::admin {

struct AddNodeOptions {
  Address node;  // the new one
  bool replica = false;
  std::string primary;  // whose replica, as find_node takes it; empty: the one with the fewest
  std::string zone;     // of the new node; empty: what it announces
  int64_t timeout_ms = 30000;
};

struct AddNodeResult {
  std::string id;
  std::string primary_id;    // empty: it is a primary
  bool interrupted = false;  // it may have joined halfway; the same command finishes that
};

// Returns when every node knows it and, as a replica, it is in sync. Functions are copied to a new primary.
Result<AddNodeResult> add_node(Session& session, const Address& seed, const AddNodeOptions& options);

struct DelNodeOptions {
  std::string node;    // id, beginning of an id, or address; it need not answer any more
  bool drain = false;  // move its slots to the others and its replicas to other primaries first
  // Its replicas follow other primaries first, as with `drain`; owning slots it is refused all the same.
  bool rehome_replicas = false;
  bool yes = false;
  MoveOptions moving;
  // For so long it must stay forgotten after everybody forgot it.
  int64_t watch_ms = 2000;
};

struct DelNodeResult {
  std::string id;
  MoveResult moved;
  int forgotten_by = 0;
  bool reset = false;        // it answered and was made an empty cluster of its own
  bool carried_out = false;  // false: the answer was no, or it was interrupted
  bool interrupted = false;  // the same command goes on from here
};

Result<DelNodeResult> del_node(Session& session, const Address& seed, const DelNodeOptions& options);

}  // namespace keyway::admin
