// Finds a server that imported slots before the target of a move took its place, and that may come back. Part
// of the mover.
#pragma once

#include <optional>

#include "base/address.h"
#include "base/error.h"

namespace keyway::engine {

class Servers;
struct MoveMemory;
struct MoveTask;
struct MoverViews;

// Valkey takes over a slot that it imports as soon as a message of the slot's owner does not claim it any
// more, with a config epoch above all that it has heard of (clusterUpdateSlotsConfigWith). A primary that was
// lost while it imported slots, and whose replica took over, does so when it comes back and hears of the
// source before it hears of its successor: it takes all slots of its shard back, with what they held when it
// was lost, and the successor deletes what was written since. As long as the source claims the slots it does
// nothing of that kind, and becomes a replica.
//
// So who is in the target's shard, owns nothing, and has not said yet that it is a replica: none, or its
// address. Errors: those of the servers.
Result<std::optional<Address>> lost_importer(Servers& servers, const MoveTask& task, const MoverViews& views);

// What a server was told just before it hung it carries out when it wakes up. Had it been handed slots, it
// would own them, and stay a primary; had it the same config epoch then as its successor, the servers would
// let either win. So the source gets a later one, and then, when it has heard of that, the target one that is
// later still. To be called with each look until both is done. Errors: those of the servers.
Status outrank(Servers& servers, const MoveTask& task, const MoverViews& views, MoveMemory& memory);

}  // namespace keyway::engine
