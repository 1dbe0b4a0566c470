// Steps: what the planner wants done, as data. A step names its node, says why in a sentence, and carries
// what must still hold when it is carried out. Carried out by reconcile/act; imitated by predict. Values.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "cluster/observed.h"
#include "cluster/slots.h"
#include "cluster/spec.h"

namespace keyway::cluster {

// Starts the server of `node`. In sharded mode `table` is the node table (nodes.conf) it wakes up with: every
// node it shall know, itself included (myself set); empty: it keeps the table it has. In replicated mode it
// starts as the primary, as a replica of `follow`, or, with `hold`, as a replica of nobody, which serves no
// one until it is told what to be.
struct StartNode {
  std::string node;
  std::vector<PeerView> table;
  uint64_t current_epoch = 0;  // goes with table
  std::string follow;
  bool hold = false;
  ServerConfig config;  // its whole desired configuration
};

// Ends the server's process. Graceful: as the server's SHUTDOWN does, saving what a sole copy would lose.
// Otherwise SIGKILL, to fence a server that does not answer.
struct StopNode {
  std::string node;
  bool graceful = true;
};

// Puts the data (and with `table` the node table) of a stopped node aside, under a name that tells when;
// nothing is deleted.
struct SetDataAside {
  std::string node;
  bool table = false;
};

// Takes a stopped node off the record and deletes its folder. Only for nodes that are no longer desired.
struct RemoveNode {
  std::string node;
};

// Sharded: has the listed `on` meet `node`, which they do not know, or not at its present address.
struct Meet {
  std::string node;
  std::vector<std::string> on;
};

// Sharded: gives unowned slots to a primary.
struct AddSlots {
  std::string node;
  SlotRanges slots;
};

// Makes a server the replica of `primary` (sharded: CLUSTER REPLICATE; replicated: REPLICAOF, and on disk).
struct Follow {
  std::string node;
  std::string primary;
};

enum class FailoverKind {
  kCoordinated,  // the primary lives and hands over: no write is lost
  kForce,        // the primary is gone; the other primaries vote
  kTakeover,     // the primary is gone, and the other primaries cannot vote or do not
};

// Makes the replica `node` the primary of its shard. Replicated mode: kCoordinated is FAILOVER TO, else
// REPLICAOF NO ONE.
struct Promote {
  std::string node;
  std::string from;  // the primary that it replaces; may be gone; empty: none is known
  FailoverKind kind = FailoverKind::kCoordinated;
};

// Sharded: has the listed `on` forget the id.
struct Forget {
  std::string id;
  std::vector<std::string> on;
};

// Sharded: moves slots and their keys between two primaries, as much as a slice of time allows; open slots of
// the pair are carried on. Planned again until nothing is left.
struct MoveSlots {
  std::string from;
  std::string to;
  SlotRanges slots;
};

// Sharded: closes a slot that is open with nobody to finish it: SETSLOT STABLE on `node`.
struct CloseSlots {
  std::string node;
  SlotRanges slots;
};

// Sets parameters on the running server; they are also what it will be started with.
struct SetConfig {
  std::string node;
  ServerConfig changes;   // what is to be set now
  ServerConfig complete;  // the whole desired configuration, for the record
};

// Gives the server the users and passwords of the users file.
struct ApplyUsers {
  std::string node;
};

// Writes to the record who is a shard's primary, that it holds data, and a node's identity.
struct RecordPrimary {
  std::string shard;
  std::string node;
};
// Replicated: whom `node` shall follow if it is started again ("": nobody, it is the primary), as it does at
// run time.
struct RecordFollow {
  std::string node;
  std::string follow;
};
struct RecordData {
  std::string shard;
};
struct RecordIdentity {
  std::string node;
  std::string id;
};
struct RecordFormed {};

// A request of a person has been met.
struct ClearSwitchover {
  std::string shard;
};

using Action = std::variant<StartNode, StopNode, SetDataAside, RemoveNode, Meet, AddSlots, Follow, Promote,
                            Forget, MoveSlots, CloseSlots, SetConfig, ApplyUsers, RecordPrimary, RecordFollow,
                            RecordData, RecordIdentity, RecordFormed, ClearSwitchover>;

struct Step {
  Action action;
  std::string shard;   // the shard it is for; empty: none in particular
  std::string reason;  // one clause: why
};

// "start p1-0", "move 5461 slots from p1-0 to p4-0": what it does, in the words of people.
std::string describe(const Action& action);

// A short name for logs and JSON: "start_node", "promote".
std::string_view kind(const Action& action);

// The node it acts on (the first, if several); empty for those on the record.
std::string_view node_of(const Action& action);

// Whether it may interrupt clients or cost a copy of the data: stop, promote, follow, set aside, remove.
bool disruptive(const Action& action);

// Whether it touches no server, only what Keyway keeps on record.
bool for_the_record(const Action& action);

// Two steps with equal keys are the same intent; used to count failures and to back off.
std::string key_of(const Action& action);

}  // namespace keyway::cluster
