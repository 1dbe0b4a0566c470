// Whether a server may become a node of a cluster. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "cluster/observed.h"

namespace keyway::admin {

// All that forbids it, each with what to do about it; empty: it may. `companions` are the ids of nodes that
// it may know already, because its joining was interrupted.
std::vector<Error> obstacles(const cluster::NodeFacts& node, const std::set<std::string>& companions);

// One error of many, a line each under `heading`. Requires at least one.
Error combined(const std::string& heading, const std::vector<Error>& errors);

}  // namespace keyway::admin
