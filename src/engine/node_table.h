// The file in which a server of a sharded cluster keeps its node table (nodes.conf), as Keyway writes it for
// a server that is about to start, so that it wakes up knowing its cluster. Format: CLUSTER NODES lines, then
// "vars currentEpoch E lastVoteEpoch V". Pure.
#pragma once

#include <string>
#include <vector>

#include "cluster/observed.h"

namespace keyway::engine {

// A bus port of 0 is written as the servers' own choice, port + 10000. `with_shard_ids` for servers from 7.2
// on (the older format has no auxiliary fields).
std::string render_node_table(const std::vector<cluster::PeerView>& table, uint64_t current_epoch,
                              bool with_shard_ids);

}  // namespace keyway::engine
