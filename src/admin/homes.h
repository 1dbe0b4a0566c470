// Which primary a replica shall follow. One thread.
#pragma once

#include <string>
#include <vector>

#include "admin/session.h"
#include "cluster/ownership.h"
#include "cluster/placement.h"

namespace keyway::admin {

// For each of `replicas` the id of the primary with the fewest replicas, on another host and in another zone
// where there is one. Only primaries that answer and none of `but`; those without slots count if `empty_too`,
// or if no other has any. Empty: there is no such primary. `but` and the ids of those that are to be placed
// do not count as replicas either.
std::vector<std::string> homes_for(const Session& session, const cluster::Observed& observed,
                                   const std::vector<cluster::Site>& replicas,
                                   const std::vector<std::string>& but, bool empty_too = false);

}  // namespace keyway::admin
