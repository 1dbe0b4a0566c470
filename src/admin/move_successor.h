// Who does a node's work after its shard's primary has changed. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cluster/ownership.h"

namespace keyway::admin {

// The ids of the nodes of the shard whose primary `id` is, itself first.
std::vector<std::string> shard_of(const cluster::Knowledge& knowledge, const std::string& id);

// The node of `shard` that now is its primary by its own word; if several say so, the one with the latest
// config epoch. kUnavailable: none (yet).
Result<const cluster::NodeFacts*> acting_primary(const cluster::Observed& now,
                                                 const std::vector<std::string>& shard);

// Those of `slots` that belong to nodes of `shard` which are not its primary `id` any more, or to nobody:
// they had just been given to the old primary, and its replica took over without having heard of it.
cluster::SlotSet orphaned(const cluster::Observed& now, const cluster::SlotSet& slots,
                          const std::vector<std::string>& shard, const std::string& id);

}  // namespace keyway::admin
