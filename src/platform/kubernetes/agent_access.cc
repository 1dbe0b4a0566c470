#include "cluster/spec_rules.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/shard_objects.h"

namespace keyway::platform::kubernetes {

namespace {

Value rule(std::string_view group, std::string_view resource, const std::vector<std::string>& verbs,
           Value names = {}) {
  return fields({{"apiGroups", list({group})},
                 {"resources", list({resource})},
                 {"resourceNames", std::move(names)},
                 {"verbs", text_list(verbs)}});
}

// The pods that the shard may have, or nothing if their names are not known yet.
Value pods_of(const ClusterObjects& cluster, const ShardObjects& shard) {
  if (!cluster.naming.final_suffix) return {};
  Value names;
  for (int index = 0; index <= cluster::kMaxReplicas; ++index)
    names.append(pod_name(shard.name, *cluster.naming.final_suffix, index));
  return names;
}

Value leases_of(const ClusterObjects& cluster, const ShardObjects& shard) {
  if (!cluster.naming.final_suffix) return {};
  const std::string& suffix = *cluster.naming.final_suffix;
  return list({stateful_set_name(shard.name, suffix), service_name(suffix)});
}

Value access_rules(const ClusterObjects& cluster, const ShardObjects& shard) {
  constexpr std::string_view kLeases = "coordination.k8s.io";
  return list({
      rule("", "pods", {"get", "list", "watch"}),
      rule("", "pods", {"patch"}, pods_of(cluster, shard)),
      // Making one cannot be limited to a name.
      rule(kLeases, "leases", {"create"}),
      rule(kLeases, "leases", {"get", "watch", "update", "patch"}, leases_of(cluster, shard)),
  });
}

// A binding has to say where its account is. kustomize puts its own namespace there.
std::string account_namespace(const Naming& naming) {
  return naming.name_space.empty() ? std::string(kDefaultNamespace) : naming.name_space;
}

}  // namespace

std::vector<Value> agent_access(const ClusterObjects& cluster, const ShardObjects& shard) {
  constexpr std::string_view kGroup = "rbac.authorization.k8s.io";
  const std::string name = stateful_set_name(shard.name, cluster.naming.suffix);
  const Value about = metadata(cluster, name, shard_labels(cluster, shard.name));
  const std::string version = std::string(kGroup) + "/v1";
  return {
      fields({{"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", about}}),
      fields({{"apiVersion", version},
              {"kind", "Role"},
              {"metadata", about},
              {"rules", access_rules(cluster, shard)}}),
      fields({{"apiVersion", version},
              {"kind", "RoleBinding"},
              {"metadata", about},
              {"roleRef", fields({{"apiGroup", kGroup}, {"kind", "Role"}, {"name", name}})},
              {"subjects", list({fields({{"kind", "ServiceAccount"},
                                         {"name", name},
                                         {"namespace", account_namespace(cluster.naming)}})})}}),
  };
}

}  // namespace keyway::platform::kubernetes
