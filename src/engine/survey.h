// What a cluster that anyone made says of itself, found from one address: every node that any node knows,
// each asked for its own view, all at once.
#pragma once

#include <map>

#include "cluster/observed.h"
#include "engine/servers.h"

namespace keyway::engine {

// Where nodes are reached that cannot be reached where they say they are (address translation, forwarded
// ports): announced address to reachable address.
using AddressMap = std::map<Address, Address>;

struct SurveyOptions {
  int64_t timeout_ms = 3000;  // for each round of questions
  AddressMap reach = {};
};

// Every node of `nodes` has: `name`, its address as text; `address`, where it is reached (the seed: as
// given); `id`, by which the others know it; `process` kRunning; `reach`, and a `note` if that is not
// kAnswering; `server` if it is. Sorted by address. `shards` is empty. Errors: those of the seed; kConflict
// if it is not in cluster mode.
Result<cluster::Observed> survey(Servers& servers, const Address& seed, const SurveyOptions& options = {});

// The address under which the other servers reach the node: what it announces, else what they know, else
// where we reach it.
Address announced_address(const cluster::Observed& observed, const cluster::NodeFacts& node);

}  // namespace keyway::engine
