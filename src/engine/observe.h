// Asks every running server for its facts, all at once. Uses only INFO, CLUSTER MYID, CLUSTER INFO and
// CLUSTER NODES.
#pragma once

#include <string_view>
#include <vector>

#include "cluster/observed.h"
#include "engine/servers.h"

namespace keyway::engine {

// Fills `reach` and `server` of each running node in `observed`, and `note` where a server cannot be reached
// or understood; leaves the others alone. `timeout_ms` bounds the whole.
void observe(Servers& servers, cluster::Mode mode, cluster::Observed& observed, int64_t timeout_ms);

// The same in two steps, for those who find nodes while they ask: what a server is asked, and what its
// answers to just that tell of it. take_answers fills what observe fills.
std::vector<resp::Command> questions(cluster::Mode mode);
void take_answers(cluster::Mode mode, const Response& response, cluster::NodeFacts& node);

// The parsers behind it. They take what servers from Redis 7.0 to Valkey 9 print and fail with kCorrupt on
// anything else.
Result<std::vector<cluster::PeerView>> parse_cluster_nodes(std::string_view text,
                                                           std::vector<cluster::OpenSlot>* open_slots);
Status parse_info(std::string_view text, cluster::ServerFacts& facts, bool& loading);

}  // namespace keyway::engine
