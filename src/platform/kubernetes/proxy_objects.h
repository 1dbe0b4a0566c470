// A proxy before a sharded cluster: one plain address for clients that know nothing of clusters. Pure; any
// thread.
#pragma once

#include <vector>

#include "platform/kubernetes/objects.h"

namespace keyway::platform::kubernetes {

struct ProxyObjects {
  int replicas = 2;
  int port = 6379;   // of the Service
  std::string user;  // as whom clients act that do not log in; empty: they have to
  int64_t cpu_request_milli = 100;
  int64_t memory_limit_bytes = 256 << 20;
};

// Deployment, Service and PodDisruptionBudget, which has `policy_version` ("v1").
std::vector<Value> proxy_objects(const ClusterObjects& cluster, const ProxyObjects& proxy,
                                 std::string_view policy_version);

}  // namespace keyway::platform::kubernetes
