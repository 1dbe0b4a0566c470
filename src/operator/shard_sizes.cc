#include <algorithm>

#include "base/format.h"
#include "operator/parts.h"
#include "platform/kubernetes/quantity.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;

namespace {

// A StatefulSet takes away the pods with the highest numbers. If the primary is among them, it goes to one
// that stays first.
void limit_pods(const ShardSight& shard, kubernetes::ShardObjects& wanted, Decision& decision) {
  const int staying = wanted.replicas + 1;
  if (shard.set == nullptr || shard.set->replicas <= staying) return;
  const auto is_leaving = [staying](const ServerPod& pod) {
    return ordinal_of(pod.meta.name).value_or(0) >= staying;
  };
  const ServerPod* primary = nullptr;
  for (const ServerPod* pod : shard.pods) {
    if (shard.is_primary(*pod) && (primary == nullptr || is_leaving(*pod))) primary = pod;
  }
  if (primary != nullptr && !is_leaving(*primary)) return;
  decision.doing.push_back(
      {"Scaling", primary == nullptr
                      ? fmt::format("shard {} keeps its {} pods until one of them is the primary",
                                    wanted.name, shard.set->replicas)
                      : fmt::format("shard {} keeps its {} pods until {}, the primary, has handed over",
                                    wanted.name, shard.set->replicas, primary->meta.name)});
  wanted.replicas = static_cast<int>(shard.set->replicas) - 1;
}

// The template of claims cannot change; see volume_claims.cc for what happens meanwhile.
void limit_storage(const ShardSight& shard, kubernetes::ShardObjects& wanted) {
  if (shard.set == nullptr || shard.set->storage.empty() || !wanted.storage_bytes) return;
  wanted.storage_bytes = kubernetes::parse_quantity(shard.set->storage).value_or(*wanted.storage_bytes);
}

}  // namespace

void limit_sizes(Sight& sight, Decision& decision) {
  for (kubernetes::ShardObjects& wanted : sight.whole.shards) {
    const ShardSight& shard = sight.shards[wanted.name];
    limit_pods(shard, wanted, decision);
    limit_storage(shard, wanted);
  }
}

}  // namespace keyway::operators
