#include "operator/decide.h"

#include <algorithm>

#include "base/format.h"
#include "operator/parts.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;

namespace {

// Objects of a deleted cluster of the same name are still going away; to take one over now would be to lose
// it in a moment.
std::optional<Remark> former_cluster(const Snapshot& snapshot) {
  const std::string& uid = snapshot.cluster.meta.uid;
  const auto alien = [&uid](const SmallMeta& meta) {
    return !meta.owner_uid.empty() && meta.owner_uid != uid;
  };
  const auto wait_for = [](std::string_view kind, const SmallMeta& meta) {
    return Remark{"FormerCluster", fmt::format("{} {} of a deleted cluster of this name is still going away",
                                               kind, meta.name)};
  };
  for (const SetView& set : snapshot.sets) {
    if (alien(set.meta)) return wait_for("StatefulSet", set.meta);
  }
  if (snapshot.secret && alien(snapshot.secret->meta)) return wait_for("Secret", snapshot.secret->meta);
  for (const LeaseView& lease : snapshot.leases) {
    if (alien(lease.meta)) return wait_for("Lease", lease.meta);
  }
  for (const KeptObject& kept : snapshot.kept) {
    if (alien(kept.view.meta)) return wait_for(kept.type->kind, kept.view.meta);
  }
  return std::nullopt;
}

Event refused_event(const SmallMeta& meta, const Remark& refused) {
  return {fmt::format("{}-{}-{}", meta.uid, meta.generation, refused.message), true, refused.reason,
          refused.message};
}

}  // namespace

Event event_of(const SmallMeta& object, std::string_view reason, std::string message) {
  std::string id = fmt::format("{}-{}", object.uid, object.generation);
  return {std::move(id), false, std::string(reason), std::move(message)};
}

Deed delete_deed(const kubernetes::ResourceType& type, const SmallMeta& object, Event event) {
  return {
      DeleteObject{
          .type = &type, .name = object.name, .uid = object.uid, .resource_version = object.resource_version},
      std::move(event)};
}

Decision decide(const Snapshot& snapshot, const Tools& tools) {
  Decision decision;
  // Whatever it owns goes by itself.
  if (snapshot.cluster.meta.deleting) {
    decision.doing.push_back({"Deleting", "the cluster is being deleted"});
    return decision;
  }
  Result<Sight> sight = see(snapshot, tools.surroundings);
  if (!sight) {
    decision.refused = Remark{"InvalidSpec", sight.error().message};
    decision.events.push_back(refused_event(snapshot.cluster.meta, *decision.refused));
    read_progress(see_without_spec(snapshot), decision);
    return decision;
  }
  if (std::optional<Remark> former = former_cluster(snapshot)) {
    decision.doing.push_back(*std::move(former));
    return decision;
  }
  limit_sizes(*sight, decision);
  keep_users(*sight, tools, decision);
  want_objects(*sight, decision);
  keep_claims(*sight, decision);
  remove_the_unwanted(*sight, decision);
  roll_pods(*sight, decision);
  tell_agents(*sight, decision);
  read_progress(*sight, decision);
  return decision;
}

}  // namespace keyway::operators
