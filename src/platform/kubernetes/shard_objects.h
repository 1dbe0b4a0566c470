// The objects of one shard. Pure; any thread.
#pragma once

#include <vector>

#include "platform/kubernetes/objects.h"

namespace keyway::platform::kubernetes {

// Its pods are updated when they are deleted, never by Kubernetes alone: a primary has to hand over before.
Value stateful_set(const ClusterObjects& cluster, const ShardObjects& shard);

// One pod at a time may be evicted. `policy_version` is "v1", or "v1beta1" for Kubernetes 1.20.
Value disruption_budget(const ClusterObjects& cluster, const ShardObjects& shard,
                        std::string_view policy_version);

// ServiceAccount, Role and RoleBinding of its agents: they read pods, change labels of the shard's own pods,
// and hold the Leases of the shard and of the cluster.
std::vector<Value> agent_access(const ClusterObjects& cluster, const ShardObjects& shard);

}  // namespace keyway::platform::kubernetes
