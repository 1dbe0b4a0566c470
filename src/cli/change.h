// Orders to the supervisor of a cluster.
#pragma once

#include <functional>

#include "cli/clusters.h"
#include "cli/commands.h"
#include "supervisor/control.h"

namespace keyway::cli {

// kNotFound with the remedy: no supervisor runs.
Result<supervisor::Client> connect_supervisor(const Chosen& cluster);

// Gives an order and follows it until it is done: progress on standard error, then the table (or JSON) on
// standard output.
Outcome give_order(const Chosen& cluster, const Waiting& waiting, Context& context,
                   const std::function<Result<uint64_t>(supervisor::Client&)>& give);

// Waits until nothing is left to do, then prints the cluster.
Outcome wait_until_whole(const Chosen& cluster, const Waiting& waiting, Context& context);

// Prints the cluster as it is now.
Outcome print_cluster(const Chosen& cluster, Context& context);

}  // namespace keyway::cli
