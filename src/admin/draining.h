// Where the slots of a primary go that is to leave its cluster. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cluster/balance.h"
#include "cluster/ownership.h"

namespace keyway::admin {

// Moves of all its slots to the other primaries that answer: those keep what they have, and whoever has the
// fewest gets the most. kConflict if there is no other one.
Result<std::vector<cluster::SlotMove>> drain_moves(const cluster::Knowledge& knowledge,
                                                   const std::string& leaving_id);

}  // namespace keyway::admin
