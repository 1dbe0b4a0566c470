// All objects of a cluster, from its spec: the same document that makes one on a single machine. Pure; any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "platform/kubernetes/objects.h"
#include "platform/kubernetes/proxy_objects.h"

namespace keyway::platform::kubernetes {

// Images where a spec names none.
std::string_view default_image(cluster::EngineKind kind);
inline constexpr std::string_view kDefaultKeywayImage = "keyway:latest";

// What a spec does not say.
struct Surroundings {
  Naming naming;
  std::string keyway_image = std::string(kDefaultKeywayImage);
  bool tell_partitions = true;        // to the agents: the spec's shards are all there are
  bool tell_replicas = true;          // to the agents, in their environment
  std::string policy_version = "v1";  // of PodDisruptionBudget
};

struct WholeCluster {
  ClusterObjects cluster;
  std::vector<ShardObjects> shards;
  std::optional<ProxyObjects> proxy;
  std::string policy_version;
};

// Spells a spec out; its `memory` becomes maxmemory, and the pods' limit what that needs. kInvalidArgument:
// names that are too long for Kubernetes when put together.
Result<WholeCluster> spell_out(const cluster::Spec& spec, const Surroundings& surroundings);

// Why a shard and a cluster of these names have none on Kubernetes together, or nothing.
std::optional<std::string> joint_name_problem(std::string_view shard, std::string_view cluster);

// The minor version of Kubernetes in "1.30"; nothing if it is none, or one before 1.20.
std::optional<int> parse_minor(std::string_view version);

inline constexpr std::string_view kNamespaceRule =
    "a namespace has up to 63 lower-case letters, digits and dashes, with no dash at its ends";
bool is_namespace(std::string_view name);

// "v1", or "v1beta1" where that is all there is: Kubernetes 1.20.
std::string policy_version_of(int kubernetes_minor);

// What all shards share; what one shard has; the proxy, if there is one; everything, in an order in which it
// can be applied.
std::vector<Value> shared_objects(const WholeCluster& whole);
std::vector<Value> shard_objects(const WholeCluster& whole, const ShardObjects& shard);
std::vector<Value> proxy_objects(const WholeCluster& whole);
std::vector<Value> all_objects(const WholeCluster& whole);

}  // namespace keyway::platform::kubernetes
