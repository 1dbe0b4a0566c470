// The parts of the diagnosis, each of which appends what it finds. Pure.
#pragma once

#include <string>
#include <vector>

#include "cluster/slot_state.h"

namespace keyway::cluster {

using Findings = std::vector<Finding>;

// Two owners, stray keys, uncovered and open slots.
void find_slot_troubles(const Scene& scene, Findings& findings);

// All that is between nodes.
void find_node_troubles(const Scene& scene, Findings& findings);

// "slot 5", "slots 5-10 12".
std::string name_slots(const SlotRanges& slots);

// "127.0.0.1:7001, 127.0.0.1:7002 and 3 more".
std::string name_nodes(const Scene& scene, const std::vector<std::string>& ids);

}  // namespace keyway::cluster
