// What `kubectl keyway status` and `proxy` show. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "cli/kubectl/pod_cluster.h"
#include "cli/terminal.h"

namespace keyway::cli {

// "ready", "creating" (never whole yet, or no pods), "changing", "degraded" (all shards take writes, some pod
// or replica is missing), "down" (some shard has no primary).
std::string state_of(const PodCluster& cluster);

// Why a pod does not do its work: "ImagePullBackOff", "not ready"; "ok" if it does.
std::string health_of(const platform::kubernetes::PodView& pod);

std::vector<std::string> pod_status_lines(const PodCluster& cluster, const Terminal& terminal);
std::string pod_status_json(const PodCluster& cluster);

}  // namespace keyway::cli
