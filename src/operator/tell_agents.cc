#include <algorithm>

#include "operator/parts.h"
#include "operator/wanted_object.h"
#include "platform/kubernetes/names.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;

namespace {

int replicas_in_spec(const Sight& sight, std::string_view shard) {
  for (const cluster::PartitionSpec& partition : sight.spec.partitions) {
    if (partition.name == shard) return partition.replicas;
  }
  return 0;
}

// The pod that a primary that is about to be taken away hands over to; empty: none is.
std::string successor(const Sight& sight, const ShardSight& shard) {
  const int staying = replicas_in_spec(sight, shard.wanted->name) + 1;
  if (shard.set == nullptr || shard.set->replicas <= staying) return {};
  std::string best;
  for (const ServerPod* pod : shard.pods) {
    const bool stays = ordinal_of(pod->meta.name).value_or(staying) < staying;
    if (shard.is_primary(*pod) && stays) return {};
    if (stays && pod->ready && !pod->meta.deleting && best.empty()) best = pod->meta.name;
  }
  return best;
}

// The pod that a person wants as the primary; empty: none, or it is no pod of the shard.
std::string wished(const Sight& sight, const std::string& shard_name, const ShardSight& shard) {
  auto wish = sight.snapshot->cluster.switchovers.find(shard_name);
  if (wish == sight.snapshot->cluster.switchovers.end()) return {};
  const bool there = std::ranges::any_of(shard.pods, [&](const ServerPod* pod) {
    return pod->meta.name == wish->second && !pod->meta.deleting;
  });
  return there ? wish->second : std::string();
}

void tell(const Sight& sight, const std::string& lease, const kubernetes::Wanted& wanted,
          Decision& decision) {
  const std::string text = kubernetes::wanted_json(wanted);
  for (const LeaseView& present : sight.snapshot->leases) {
    if (present.meta.name == lease && present.wanted == text && sight.owns(present.meta)) return;
  }
  kubernetes::Value metadata =
      kubernetes::metadata(sight.whole.cluster, lease, kubernetes::cluster_labels(sight.whole.cluster));
  metadata.set("annotations", kubernetes::fields({{kubernetes::kWantedAnnotation, text}}));
  const kubernetes::Value object = kubernetes::fields({{"apiVersion", kubernetes::kLeases.api_version()},
                                                       {"kind", kubernetes::kLeases.kind},
                                                       {"metadata", std::move(metadata)}});
  decision.before.push_back({PutWanted{lease, to_json(owned_by(sight, object))}, std::nullopt});
}

}  // namespace

void tell_agents(const Sight& sight, Decision& decision) {
  kubernetes::Wanted wanted;
  wanted.generation = sight.meta().generation;
  wanted.switchover = decision.switchovers;
  for (const cluster::PartitionSpec& partition : sight.spec.partitions)
    wanted.replicas = std::max(wanted.replicas.value_or(0), partition.replicas);
  for (const cluster::PartitionSpec& partition : sight.spec.partitions) {
    if (partition.replicas != wanted.replicas) wanted.shard_replicas[partition.name] = partition.replicas;
    if (partition.slots) wanted.slots[partition.name] = *partition.slots;
    const ShardSight& shard = sight.shards.at(partition.name);
    // A primary that has to go outweighs wishes.
    std::string pod = successor(sight, shard);
    if (pod.empty() && !wanted.switchover.contains(partition.name))
      pod = wished(sight, partition.name, shard);
    if (!pod.empty()) wanted.switchover[partition.name] = pod;
    if (sight.spec.mode == cluster::Mode::kSharded) wanted.partitions.push_back(partition.name);
  }
  const std::string& name = sight.meta().name;
  const std::string lease = sight.spec.mode == cluster::Mode::kSharded
                                ? kubernetes::service_name(name)
                                : kubernetes::stateful_set_name(sight.spec.partitions.front().name, name);
  tell(sight, lease, wanted, decision);
}

}  // namespace keyway::operators
