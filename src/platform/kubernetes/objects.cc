#include "platform/kubernetes/objects.h"

#include "platform/kubernetes/names.h"

namespace keyway::platform::kubernetes {

Value cluster_labels(const ClusterObjects& cluster) {
  return fields({{kManagedByLabel, kManager}, {cluster_label(cluster.mode), cluster.naming.cluster}});
}

Value shard_selector(const ClusterObjects& cluster, std::string_view shard) {
  return fields({{cluster_label(cluster.mode), cluster.naming.cluster},
                 {kPartitionLabel, shard},
                 {kRoleLabel, kPartitionRole}});
}

Value shard_labels(const ClusterObjects& cluster, std::string_view shard) {
  return shard_selector(cluster, shard).set(kManagedByLabel, kManager);
}

Value metadata(const ClusterObjects& cluster, std::string name, Value labels) {
  return fields({{"name", std::move(name)},
                 {"namespace", if_given(cluster.naming.name_space)},
                 {"labels", std::move(labels)}});
}

}  // namespace keyway::platform::kubernetes
