// Whether shards take writes, found out by writing.
#pragma once

#include <string>
#include <vector>

#include "admin/session.h"
#include "cluster/slots.h"

namespace keyway::admin {

// A key of Keyway's own in one of `slots`, which must not be empty.
std::string probe_key(const cluster::SlotRanges& slots);

struct ProbedShard {
  Address primary;
  cluster::SlotRanges slots;
};

// Writes a key to each shard and deletes it again, all at once. What came of it, in their order: nothing if
// the write was taken.
std::vector<std::optional<Error>> probe_writes(Session& session, const std::vector<ProbedShard>& shards);

}  // namespace keyway::admin
