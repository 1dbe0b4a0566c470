#include "operator/views.h"

#include "base/format.h"
#include "base/strings.h"
#include "platform/base64.h"
#include "platform/kubernetes/cluster_lease.h"
#include "platform/kubernetes/json_scan.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/switchover_wish.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;

namespace {

std::string annotation(const kubernetes::ObjectMeta& meta, std::string_view name) {
  auto found = meta.annotations.find(std::string(name));
  return found == meta.annotations.end() ? std::string() : found->second;
}

SmallMeta small(const kubernetes::ObjectMeta& meta) {
  SmallMeta small;
  small.name = meta.name;
  small.name_space = meta.name_space;
  small.uid = meta.uid;
  small.resource_version = meta.resource_version;
  small.generation = meta.generation;
  small.cluster = meta.label(kubernetes::kClusterLabel);
  if (small.cluster.empty()) small.cluster = meta.label(kubernetes::kServerLabel);
  small.shard = meta.label(kubernetes::kPartitionLabel);
  if (meta.controller_kind == kubernetes::kKind) small.owner_uid = meta.controller_uid;
  small.deleting = meta.deleting;
  return small;
}

// Why the pod cannot run, if that is known: what it waits for that passes by itself is no trouble.
void find_trouble(const kubernetes::PodView& from, ServerPod& pod) {
  if (!from.unscheduled_reason.empty()) {
    pod.trouble = "Unschedulable";
    pod.trouble_text = from.unscheduled_reason;
    return;
  }
  for (const auto* containers : {&from.init_containers, &from.containers}) {
    for (const kubernetes::ContainerView& container : *containers) {
      const std::string& reason = container.waiting_reason;
      if (reason.empty() || reason == "PodInitializing" || reason == "ContainerCreating") continue;
      pod.trouble = reason;
      pod.trouble_text = container.waiting_message;
      return;
    }
  }
}

using Wishes = std::map<std::string, std::string>;
using Restarts = std::set<std::string>;

}  // namespace

Result<ClusterView> parse_cluster(std::string_view object) {
  Result<kubernetes::MetaView> meta = kubernetes::parse_meta(object);
  if (!meta) return fail(meta.error());
  ClusterView view{small(meta->meta), std::string(kubernetes::find_json(object, "spec")),
                   std::string(kubernetes::find_json(object, "status"))};
  view.meta.cluster = view.meta.name;
  view.meta.shard.clear();
  view.switchovers = kubernetes::parse_switchovers(annotation(meta->meta, kubernetes::kSwitchoverAnnotation))
                         .value_or(Wishes{});
  view.restarts =
      kubernetes::parse_restarts(annotation(meta->meta, kubernetes::kRestartAnnotation)).value_or(Restarts{});
  return view;
}

Result<SetView> parse_set(std::string_view object) {
  Result<kubernetes::StatefulSetView> from = kubernetes::parse_stateful_set(object);
  if (!from) return fail(from.error());
  return SetView{.meta = small(from->meta),
                 .replicas = from->replicas,
                 .ready_replicas = from->ready_replicas,
                 .observed_generation = from->observed_generation,
                 .update_revision = from->update_revision,
                 .storage = from->storage,
                 .storage_class = from->storage_class,
                 .mark = annotation(from->meta, kMarkAnnotation)};
}

Result<ServerPod> parse_server_pod(std::string_view object) {
  Result<kubernetes::PodView> from = kubernetes::parse_pod(object);
  if (!from) return fail(from.error());
  ServerPod pod;
  pod.meta = small(from->meta);
  pod.revision = from->meta.label("controller-revision-hash");
  pod.primary = from->meta.label(kubernetes::kShardRoleLabel) == kubernetes::kShardRolePrimary;
  pod.ready = from->ready;
  for (const kubernetes::ContainerView& container : from->containers) {
    if (container.name != kubernetes::kServerContainer) continue;
    pod.image = container.image;
    pod.running = container.running;
    pod.has_run = container.running || container.restarts > 0 || !container.terminated_reason.empty();
  }
  find_trouble(*from, pod);
  return pod;
}

std::optional<int> ordinal_of(std::string_view name) {
  size_t dash = name.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  std::optional<int64_t> number = parse_int(name.substr(dash + 1));
  constexpr int64_t kMost = 9999;
  if (!number || *number < 0 || *number > kMost) return std::nullopt;
  return static_cast<int>(*number);
}

Result<LeaseView> parse_lease_view(std::string_view object) {
  Result<kubernetes::MetaView> from = kubernetes::parse_meta(object);
  if (!from) return fail(from.error());
  return LeaseView{small(from->meta), annotation(from->meta, kubernetes::kWantedAnnotation),
                   annotation(from->meta, kubernetes::kReportAnnotation)};
}

Result<ClaimView> parse_claim(std::string_view object) {
  Result<kubernetes::VolumeClaimView> from = kubernetes::parse_volume_claim(object);
  if (!from) return fail(from.error());
  return ClaimView{small(from->meta), from->asked, from->capacity};
}

Result<KeptView> parse_kept(std::string_view object) {
  Result<kubernetes::MetaView> from = kubernetes::parse_meta(object);
  if (!from) return fail(from.error());
  // Types without generations have no status either, so that each version of theirs is an edit.
  const kubernetes::ObjectMeta& meta = from->meta;
  return KeptView{small(meta), meta.generation > 0 ? std::to_string(meta.generation) : meta.resource_version};
}

Result<SecretView> parse_users_secret(std::string_view object) {
  Result<kubernetes::MetaView> from = kubernetes::parse_meta(object);
  if (!from) return fail(from.error());
  SecretView view{small(from->meta), {}};
  // Its key has a dot in it, so that no path leads there.
  Status read = kubernetes::for_each_member(
      kubernetes::find_json(object, "data"), [&view](std::string_view name, std::string_view value) {
        if (name == kUsersKey)
          view.users = platform::base64_decoded(kubernetes::json_string(value)).value_or("");
        return Status{};
      });
  // Without data it has no users.
  if (!read) view.users.clear();
  return view;
}

}  // namespace keyway::operators
