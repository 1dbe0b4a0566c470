#include "platform/kubernetes/names.h"
#include "platform/kubernetes/pod_template.h"
#include "platform/kubernetes/quantity.h"
#include "platform/kubernetes/shard_objects.h"

namespace keyway::platform::kubernetes {

namespace {

Value volume_claim(const ClusterObjects& cluster, const ShardObjects& shard) {
  return fields({
      {"metadata", fields({{"name", kDataVolume}, {"labels", shard_labels(cluster, shard.name)}})},
      {"spec",
       fields({{"accessModes", list({"ReadWriteOnce"})},
               {"storageClassName", if_given(cluster.storage_class)},
               {"resources",
                fields({{"requests", fields({{"storage", quantity_text(*shard.storage_bytes)}})}})}})},
  });
}

}  // namespace

Value stateful_set(const ClusterObjects& cluster, const ShardObjects& shard) {
  Value spec = fields({
      {"serviceName", service_name(cluster.naming.suffix)},
      {"replicas", shard.replicas + 1},
      // All at once: which of them is the primary is not told by their number.
      {"podManagementPolicy", "Parallel"},
      {"updateStrategy", fields({{"type", "OnDelete"}})},
      {"revisionHistoryLimit", 3},
      {"selector", fields({{"matchLabels", shard_selector(cluster, shard.name)}})},
      {"template", pod_template(cluster, shard)},
  });
  if (shard.storage_bytes) spec.set("volumeClaimTemplates", list({volume_claim(cluster, shard)}));
  return fields({
      {"apiVersion", "apps/v1"},
      {"kind", "StatefulSet"},
      {"metadata", metadata(cluster, stateful_set_name(shard.name, cluster.naming.suffix),
                            shard_labels(cluster, shard.name))},
      {"spec", std::move(spec)},
  });
}

Value disruption_budget(const ClusterObjects& cluster, const ShardObjects& shard,
                        std::string_view policy_version) {
  return fields({
      {"apiVersion", "policy/" + std::string(policy_version)},
      {"kind", "PodDisruptionBudget"},
      {"metadata", metadata(cluster, stateful_set_name(shard.name, cluster.naming.suffix),
                            shard_labels(cluster, shard.name))},
      {"spec", fields({{"maxUnavailable", 1},
                       {"selector", fields({{"matchLabels", shard_selector(cluster, shard.name)}})}})},
  });
}

}  // namespace keyway::platform::kubernetes
