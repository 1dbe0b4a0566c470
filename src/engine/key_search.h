// Finds keys that lie where their clients do not look: on a primary that does not own their slot. Reads only.
#pragma once

#include <string>
#include <vector>

#include "cluster/diagnosis.h"
#include "cluster/slots.h"
#include "engine/servers.h"

namespace keyway::engine {

struct KeySearch {
  cluster::KeyCounts counts;         // no zeros
  std::vector<std::string> unasked;  // "127.0.0.1:7001 did not answer within 3000 ms", one for each such node
};

// How many keys of each of `slots` every answering primary holds. Keys that a server is just importing by
// atomic slot migration do not count: they belong to nobody until the slot changes hands. `timeout_ms` is for
// each round of questions, of which large clusters take several.
KeySearch count_keys(Servers& servers, const cluster::Observed& observed, const cluster::SlotSet& slots,
                     int64_t timeout_ms);

// Looks through all slots of all answering primaries. Gives the counts of each slot of which a node holds
// keys that is not its joint owner, and leaves the others out. A primary whose own slots hold as many keys as
// it has in all is not asked about the rest, so that a clean cluster costs one question a slot, however many
// nodes it has.
KeySearch search_keys(Servers& servers, const cluster::Observed& observed, int64_t timeout_ms);

}  // namespace keyway::engine
