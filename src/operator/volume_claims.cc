// A StatefulSet's template of claims cannot change. So when volumes are to grow, the claims that there are
// grow first; then the set is deleted without its pods and made anew, which takes the pods over as they are.
#include <algorithm>

#include "base/format.h"
#include "operator/parts.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/quantity.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;

namespace {

// Claims of a StatefulSet are called TEMPLATE-SET-ORDINAL.
bool is_of_server(const ClaimView& claim, const std::string& cluster) {
  const std::string prefix = fmt::format("{}-{}-", kubernetes::kDataVolume,
                                         kubernetes::stateful_set_name(claim.meta.shard, cluster));
  return claim.meta.name.starts_with(prefix) && ordinal_of(claim.meta.name);
}

bool asks_for(const ClaimView& claim, int64_t size_bytes) {
  const std::optional<int64_t> asked = kubernetes::parse_quantity(claim.asked);
  return asked && *asked >= size_bytes;
}

bool all_ask_for(const Sight& sight, const ShardSight& shard, int64_t size_bytes) {
  return std::ranges::all_of(shard.claims, [&](const ClaimView* claim) {
    return claim->meta.deleting || asks_for(*claim, size_bytes) || !is_of_server(*claim, sight.meta().name);
  });
}

bool template_is_old(const ShardSight& shard, int64_t size_bytes) {
  return kubernetes::parse_quantity(shard.set->storage).value_or(size_bytes) < size_bytes;
}

void grow(const Sight& sight, const std::string& name, const ShardSight& shard, Decision& decision) {
  if (shard.set == nullptr || shard.set->storage.empty() || !sight.spec.storage.size_bytes ||
      !sight.owns(shard.set->meta) || shard.set->meta.deleting)
    return;
  const int64_t size_bytes = *sight.spec.storage.size_bytes;
  const std::string size = kubernetes::quantity_text(size_bytes);
  for (const ClaimView* claim : shard.claims) {
    if (claim->meta.deleting || asks_for(*claim, size_bytes) || !is_of_server(*claim, sight.meta().name))
      continue;
    Event event{
        claim->meta.uid + "-" + size, false, "GrowingVolume",
        fmt::format("volume claim {} asks for {} instead of {}", claim->meta.name, size, claim->asked)};
    decision.after.push_back({GrowClaim{claim->meta.name, claim->meta.uid, size}, std::move(event)});
  }
  const bool all_ask = all_ask_for(sight, shard, size_bytes);
  const bool is_old = template_is_old(shard, size_bytes);
  if (!all_ask || is_old)
    decision.doing.push_back({"Growing", fmt::format("volumes of shard {} grow to {}", name, size)});
  if (!all_ask || !is_old) return;
  Event event{shard.set->meta.uid, false, "RenewingStatefulSet",
              fmt::format("StatefulSet {} is made anew around its pods, for volumes of {}",
                          shard.set->meta.name, size)};
  decision.after.push_back({DeleteObject{.type = &kubernetes::kStatefulSets,
                                         .name = shard.set->meta.name,
                                         .uid = shard.set->meta.uid,
                                         .orphan = true},
                            std::move(event)});
}

// No pod will need it as things are.
bool is_left_over(const ShardSight& shard, const ClaimView& claim) {
  const int ordinal = ordinal_of(claim.meta.name).value_or(0);
  const bool has_pod = std::ranges::any_of(
      shard.pods, [&](const ServerPod* pod) { return ordinal_of(pod->meta.name) == ordinal; });
  if (has_pod) return false;
  if (shard.set != nullptr)
    return shard.wanted != nullptr && ordinal >= shard.set->replicas && ordinal > shard.wanted->replicas;
  return shard.wanted == nullptr;
}

void keep(const Sight& sight, const ShardSight& shard, const ClaimView& claim, Decision& decision) {
  const bool goes = sight.spec.storage.delete_with_cluster;
  if (claim.meta.deleting || !is_of_server(claim, sight.meta().name)) return;
  if (goes && is_left_over(shard, claim)) {
    Event event{claim.meta.uid, false, "VolumeDeleted",
                fmt::format("volume claim {} belongs to no server any more", claim.meta.name)};
    DeleteObject deletion{.type = &kubernetes::kVolumeClaims, .name = claim.meta.name, .uid = claim.meta.uid};
    deletion.only_without.emplace_back(&kubernetes::kPods,
                                       claim.meta.name.substr(kubernetes::kDataVolume.size() + 1));
    if (shard.set == nullptr)
      deletion.only_without.emplace_back(&kubernetes::kStatefulSets,
                                         kubernetes::stateful_set_name(claim.meta.shard, sight.meta().name));
    decision.after.push_back({std::move(deletion), std::move(event)});
    return;
  }
  // A claim that some other object controls is not ours to give away.
  const bool owned = sight.owns(claim.meta);
  if (owned != goes && (owned || claim.meta.owner_uid.empty()))
    decision.after.push_back({OwnClaim{claim.meta.name, claim.meta.uid, goes}, std::nullopt});
}

}  // namespace

bool makes_way(const Sight& sight, const ShardSight& shard) {
  if (shard.set == nullptr) return false;
  if (shard.set->meta.deleting) return true;
  if (shard.set->storage.empty() || !sight.spec.storage.size_bytes) return false;
  const int64_t size_bytes = *sight.spec.storage.size_bytes;
  return template_is_old(shard, size_bytes) && all_ask_for(sight, shard, size_bytes);
}

void keep_claims(const Sight& sight, Decision& decision) {
  for (const auto& [name, shard] : sight.shards) {
    if (shard.wanted != nullptr) grow(sight, name, shard, decision);
    for (const ClaimView* claim : shard.claims) keep(sight, shard, *claim, decision);
  }
}

}  // namespace keyway::operators
