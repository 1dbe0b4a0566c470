// The objects that all shards of a cluster have in common. Pure; any thread.
#pragma once

#include <vector>

#include "platform/kubernetes/objects.h"

namespace keyway::platform::kubernetes {

// All pods by name, ready or not: servers and agents find each other there.
Value headless_service(const ClusterObjects& cluster);

// The pods that are primaries now: of a replicated server, where clients write.
Value primary_service(const ClusterObjects& cluster);

// The servers' configuration, without what the agent itself sets.
Value config_map(const ClusterObjects& cluster);

}  // namespace keyway::platform::kubernetes
