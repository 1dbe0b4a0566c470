// Asks every running server for its facts, all at once. Uses only INFO, CLUSTER MYID, CLUSTER INFO and
// CLUSTER NODES.
#pragma once

#include <string_view>

#include "cluster/observed.h"
#include "engine/servers.h"

namespace keyway::engine {

// Fills `reach` and `server` of each running node in `observed`, and `note` where a server cannot be reached
// or understood; leaves the others alone. `timeout_ms` bounds the whole.
void observe(Servers& servers, cluster::Mode mode, cluster::Observed& observed, int64_t timeout_ms);

// The parsers behind it. They take what servers from Redis 7.0 to Valkey 9 print and fail with kCorrupt on
// anything else.
Result<std::vector<cluster::PeerView>> parse_cluster_nodes(std::string_view text,
                                                           std::vector<cluster::OpenSlot>* open_slots);
Status parse_info(std::string_view text, cluster::ServerFacts& facts, bool& loading);

}  // namespace keyway::engine
