#include "platform/kubernetes/whole_cluster.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/desired.h"
#include "platform/kubernetes/memory_share.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/shard_objects.h"
#include "platform/kubernetes/shared_objects.h"

namespace keyway::platform::kubernetes {

namespace {

ShardObjects spell_out_shard(const cluster::Spec& spec, const cluster::PartitionSpec& partition) {
  ShardObjects shard;
  shard.name = partition.name;
  shard.replicas = partition.replicas;
  shard.storage_bytes = spec.storage.size_bytes;
  if (partition.memory_bytes) {
    shard.max_memory_bytes = partition.memory_bytes;
    shard.memory_limit_bytes = limit_for(*partition.memory_bytes);
  } else if (auto given = spec.config.find("maxmemory"); given != spec.config.end()) {
    shard.max_memory_bytes = cluster::parse_size(given->second);
  }
  return shard;
}

// Clients that do not log in act as a user only if the spec says so: here other machines reach the proxy.
ProxyObjects spell_out_proxy(const cluster::ProxySpec& spec) {
  ProxyObjects proxy;
  if (spec.port != 0) proxy.port = spec.port;
  proxy.user = spec.user.value_or("");
  return proxy;
}

}  // namespace

std::string_view default_image(cluster::EngineKind kind) {
  return kind == cluster::EngineKind::kRedis ? "redis:8.0" : "valkey/valkey:9.1";
}

std::optional<std::string> joint_name_problem(std::string_view shard, std::string_view cluster) {
  const std::string name = stateful_set_name(shard, cluster);
  if (name.size() <= kMaxStatefulSetName) return std::nullopt;
  return fmt::format(
      "the StatefulSet of shard {} would be called {}, which has {} letters; Kubernetes allows {}, so "
      "shorten the name of the "
      "shard or of the cluster by {}",
      shard, name, name.size(), kMaxStatefulSetName, name.size() - kMaxStatefulSetName);
}

std::optional<int> parse_minor(std::string_view version) {
  constexpr int kOldest = 20;
  constexpr int kMost = 999;
  const std::optional<int64_t> minor =
      version.starts_with("1.") ? parse_int(version.substr(2)) : std::nullopt;
  if (!minor || *minor < kOldest || *minor > kMost) return std::nullopt;
  return static_cast<int>(*minor);
}

bool is_namespace(std::string_view name) {
  constexpr size_t kMostLetters = 63;
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= kMostLetters && name.front() != '-' && name.back() != '-' &&
         std::all_of(name.begin(), name.end(), allowed);
}

std::string policy_version_of(int kubernetes_minor) { return kubernetes_minor >= 21 ? "v1" : "v1beta1"; }

Result<WholeCluster> spell_out(const cluster::Spec& spec, const Surroundings& surroundings) {
  WholeCluster whole;
  whole.policy_version = surroundings.policy_version;
  ClusterObjects& cluster = whole.cluster;
  cluster.naming = surroundings.naming;
  cluster.mode = spec.mode;
  cluster.image =
      spec.engine.image.empty() ? std::string(default_image(spec.engine.kind)) : spec.engine.image;
  cluster.keyway_image = surroundings.keyway_image;
  cluster.storage_class = spec.storage.class_name;
  cluster.tell_replicas = surroundings.tell_replicas;
  cluster.config = cluster::make_desired(spec, "").shards.front().config;
  const std::string suffix = cluster.naming.final_suffix.value_or(cluster.naming.suffix);
  for (const cluster::PartitionSpec& partition : spec.partitions) {
    if (auto problem = joint_name_problem(partition.name, suffix))
      return fail(ErrorCode::kInvalidArgument, *std::move(problem));
    whole.shards.push_back(spell_out_shard(spec, partition));
    if (surroundings.tell_partitions) cluster.partitions.push_back(partition.name);
  }
  if (spec.proxy) whole.proxy = spell_out_proxy(*spec.proxy);
  return whole;
}

std::vector<Value> shared_objects(const WholeCluster& whole) {
  return {headless_service(whole.cluster), primary_service(whole.cluster), config_map(whole.cluster)};
}

std::vector<Value> shard_objects(const WholeCluster& whole, const ShardObjects& shard) {
  std::vector<Value> objects = agent_access(whole.cluster, shard);
  objects.push_back(disruption_budget(whole.cluster, shard, whole.policy_version));
  objects.push_back(stateful_set(whole.cluster, shard));
  return objects;
}

std::vector<Value> proxy_objects(const WholeCluster& whole) {
  if (!whole.proxy) return {};
  return proxy_objects(whole.cluster, *whole.proxy, whole.policy_version);
}

std::vector<Value> all_objects(const WholeCluster& whole) {
  std::vector<Value> objects = shared_objects(whole);
  const auto add = [&objects](std::vector<Value> more) {
    for (Value& object : more) objects.push_back(std::move(object));
  };
  for (const ShardObjects& shard : whole.shards) add(shard_objects(whole, shard));
  add(proxy_objects(whole));
  return objects;
}

}  // namespace keyway::platform::kubernetes
