// The pod of one server: a stock image in which Keyway's agent, copied there by an init container, is the
// first process. Pure; any thread.
#pragma once

#include "platform/kubernetes/objects.h"

namespace keyway::platform::kubernetes {

// spec.template of a shard's StatefulSet.
Value pod_template(const ClusterObjects& cluster, const ShardObjects& shard);

// How long a pod may take from SIGTERM to its end: handing over, and saving all its data to a slow disk.
int64_t grace_period_s(const ShardObjects& shard);

// Mode of files that the pod's own group may read: its passwords.
inline constexpr int kReadableByGroup = 0440;

// Of containers that write nothing but what is mounted, and of pods with such containers: what the strictest
// of Kubernetes's pod security standards asks for.
Value restricted_container();
Value restricted_pod();

}  // namespace keyway::platform::kubernetes
