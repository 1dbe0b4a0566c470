#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "operator/parts.h"
#include "operator/types.h"
#include "platform/kubernetes/names.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;

namespace {

// The agents say that it owns nothing any more, knowing the present spec.
bool is_drained(const Sight& sight, const std::string& name, const ShardSight& shard) {
  if (!sight.report_is_current()) return false;
  if (shard.report != nullptr && shard.report->slots > 0) return false;
  return std::ranges::find(sight.report->drained, name) != sight.report->drained.end();
}

void remove_shard(const Sight& sight, const std::string& name, const ShardSight& shard, Decision& decision) {
  if (!sight.owns(shard.set->meta)) return;
  if (!is_drained(sight, name, shard)) {
    decision.doing.push_back(
        {"Draining", fmt::format("shard {} is not wanted any more and gives its slots away", name)});
    return;
  }
  decision.doing.push_back({"Removing", fmt::format("shard {} owns nothing any more and is removed", name)});
  decision.after.push_back(
      delete_deed(kubernetes::kStatefulSets, shard.set->meta,
                  {shard.set->meta.uid, false, "ShardRemoved",
                   fmt::format("shard {} owns no slots any more; its StatefulSet is deleted", name)}));
}

// A set that was being made anew (volume_claims.cc) when its shard was given up left its pods behind.
void remove_pods(const Sight& sight, const std::string& name, const ShardSight& shard, Decision& decision) {
  decision.doing.push_back({"Removing", fmt::format("shard {} is not wanted any more; {} of it left", name,
                                                    count_of(std::ssize(shard.pods), "pod"))});
  if (!is_drained(sight, name, shard)) return;
  for (const ServerPod* pod : shard.pods) {
    if (pod->meta.deleting) continue;
    Deed deed = delete_deed(
        kubernetes::kPods, pod->meta,
        {pod->meta.uid, false, "ShardRemoved",
         fmt::format("pod {} of shard {}, which owns no slots, is deleted", pod->meta.name, name)});
    std::get<DeleteObject>(deed.action)
        .only_without.emplace_back(&kubernetes::kStatefulSets,
                                   kubernetes::stateful_set_name(name, sight.meta().name));
    decision.after.push_back(std::move(deed));
  }
}

// The accounts of pods stay for as long as there are pods that need them.
void remove_rest(const Sight& sight, const KeptObject& kept, Decision& decision) {
  const SmallMeta& meta = kept.view.meta;
  if (meta.deleting || !sight.owns(meta)) return;
  const bool of_proxy = meta.name == kubernetes::proxy_name(sight.meta().name);
  bool unwanted = of_proxy && !sight.whole.proxy;
  if (!meta.shard.empty()) {
    auto shard = sight.shards.find(meta.shard);
    unwanted = shard == sight.shards.end() || (shard->second.wanted == nullptr &&
                                               shard->second.set == nullptr && shard->second.pods.empty());
  }
  if (!unwanted) return;
  DeleteObject deletion{.type = kept.type, .name = meta.name, .uid = meta.uid};
  // What a shard has is called like its StatefulSet.
  if (!of_proxy) deletion.only_without = {{&kubernetes::kStatefulSets, meta.name}};
  decision.after.push_back({std::move(deletion), std::nullopt});
}

}  // namespace

void remove_the_unwanted(const Sight& sight, Decision& decision) {
  for (const auto& [name, shard] : sight.shards) {
    if (shard.wanted != nullptr) continue;
    if (shard.set == nullptr && !shard.pods.empty()) remove_pods(sight, name, shard, decision);
    if (shard.set != nullptr && !shard.set->meta.deleting) remove_shard(sight, name, shard, decision);
  }
  for (const KeptObject& kept : sight.snapshot->kept) remove_rest(sight, kept, decision);
  const std::optional<SetView>& proxy = sight.snapshot->proxy;
  if (proxy && !sight.whole.proxy && sight.owns(proxy->meta) && !proxy->meta.deleting)
    decision.after.push_back(delete_deed(kubernetes::kDeployments, proxy->meta,
                                         {proxy->meta.uid, false, "ProxyRemoved",
                                          "the spec has no proxy any more; its Deployment is deleted"}));
}

}  // namespace keyway::operators
