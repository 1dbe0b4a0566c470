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

}  // namespace keyway::admin
