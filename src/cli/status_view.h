// A cluster's status as lines for people. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal.h"
#include "reconcile/status.h"

namespace keyway::cli {

// A heading, the table of nodes by shard, what is under way, problems, and what to do where no supervisor
// runs. Of more than `max_lines` lines (0: no limit), nodes that are well are left out first.
std::vector<std::string> status_lines(const reconcile::ClusterStatus& status, const Terminal& terminal,
                                      size_t max_lines = 0);

// How to connect to (as `user`), change and stop the cluster.
std::vector<std::string> hint_lines(const reconcile::ClusterStatus& status, std::string_view user,
                                    const Terminal& terminal);

// The colour of a state or a node's health.
Style style_of(std::string_view state);

}  // namespace keyway::cli
