#include "operator/executor.h"

#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "operator/stable_hash.h"
#include "operator/wanted_object.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/object_meta.h"
#include "platform/kubernetes/time_text.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;
using kubernetes::ApiCode;
using kubernetes::ApiError;
using kubernetes::ApiResult;

namespace {

constexpr std::string_view kNotLeading = "this process does not lead any more";
constexpr size_t kMaxAppliedObjects = 50'000;

Remark failure_of(const ApiError& error) {
  switch (error.code) {
    case ApiCode::kForbidden:
      return {"Forbidden", error.message};
    case ApiCode::kInvalid:
    case ApiCode::kBadRequest:
      return {"Refused", error.message};
    default:
      return {"ApiError", error.message};
  }
}

// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
std::string event_json(const SmallMeta& cluster, const std::string& name, const Event& event) {
  const std::string now = kubernetes::time_text_s(wall_ms() / 1000);
  constexpr size_t kMaxMessage = 1024;
  return to_json(kubernetes::fields(
      {{"apiVersion", "v1"},
       {"kind", "Event"},
       {"metadata", kubernetes::fields({{"name", name}, {"namespace", cluster.name_space}})},
       {"involvedObject", kubernetes::fields({{"apiVersion", kKeywayClusters.api_version()},
                                              {"kind", kKeywayClusters.kind},
                                              {"namespace", cluster.name_space},
                                              {"name", cluster.name},
                                              {"uid", cluster.uid}})},
       {"type", event.warning ? "Warning" : "Normal"},
       {"reason", event.reason},
       {"message", event.message.substr(0, kMaxMessage)},
       {"source", kubernetes::fields({{"component", "keyway-operator"}})},
       {"firstTimestamp", now},
       {"lastTimestamp", now},
       {"count", 1}}));
}

}  // namespace

Executor::Executor(kubernetes::ApiClient& client, const World& world, std::function<bool()> may_write)
    : client_(client),
      world_(world),
      may_write_(std::move(may_write)),
      applier_(client, kMaxAppliedObjects, may_write_) {}

std::vector<Remark> Executor::carry_out(const Snapshot& snapshot, const Decision& decision) {
  const SmallMeta& cluster = snapshot.cluster.meta;
  std::vector<Remark> failures;
  do_all(cluster, decision.before, failures);
  for (const WantedObject& wanted : decision.objects) {
    if (!may_write_()) return failures;
    Outcome applied = apply(cluster, wanted);
    if (!applied) {
      failures.push_back(failure_of(applied.error()));
    } else if (*applied && wanted.type == &kubernetes::kStatefulSets) {
      tell(cluster, {fmt::format("{}-{}-{}", cluster.uid, wanted.name, cluster.generation), false,
                     "ShardApplied", fmt::format("StatefulSet {} was applied", wanted.name)});
    }
  }
  // What is deleted relies on what was to be made before, and on what was deleted before.
  if (sees_deletions(snapshot) && failures.empty()) do_all(cluster, decision.after, failures);
  for (const Event& event : decision.events) tell(cluster, event);
  return failures;
}

// A snapshot that shows a pod which was deleted as if it were not says nothing about whether the next one may
// go. The watch will bring news of it, and with them the next look.
bool Executor::sees_deletions(const Snapshot& snapshot) {
  auto known = deleted_pods_.find(snapshot.cluster.meta.key());
  if (known == deleted_pods_.end()) return true;
  std::set<std::string> unseen;
  for (const ServerPod& pod : snapshot.pods) {
    if (!pod.meta.deleting && known->second.contains(pod.meta.uid)) unseen.insert(pod.meta.uid);
  }
  known->second = std::move(unseen);
  if (!known->second.empty()) return false;
  deleted_pods_.erase(known);
  return true;
}

void Executor::do_all(const SmallMeta& cluster, const std::vector<Deed>& deeds,
                      std::vector<Remark>& failures) {
  for (const Deed& deed : deeds) {
    if (!may_write_()) return;
    Outcome done = std::visit([&](const auto& action) { return act(cluster, action); }, deed.action);
    if (!done && done.error().code == ApiCode::kConflict) continue;  // it has changed: the next look decides
    if (!done) {
      log_warning("it could not be done", {{"cluster", cluster.key()}, {"why", done.error().message}});
      failures.push_back(failure_of(done.error()));
      continue;
    }
    if (*done && deed.event) tell(cluster, *deed.event);
  }
}

Executor::Outcome Executor::apply(const SmallMeta& cluster, const WantedObject& wanted) {
  const std::string key = cluster.name_space + "/" + wanted.name;
  ApiResult<kubernetes::Applied> applied = applier_.apply(
      *wanted.type, cluster.name_space, wanted.name, wanted.object, world_.version_of(*wanted.type, key));
  if (!applied) return kubernetes::api_fail(applied.error());
  if (applied->sent) {
    ++writes_;
    log_info("applied",
             {{"cluster", cluster.key()}, {"object", fmt::format("{} {}", wanted.type->kind, wanted.name)}});
  }
  return applied->sent;
}

Executor::Outcome Executor::act(const SmallMeta& cluster, const PutWanted& action) {
  ApiResult<std::string> patched = write(
      kubernetes::merge_patch_request(kubernetes::kLeases, cluster.name_space, action.lease, action.object));
  if (!patched && patched.error().code == ApiCode::kNotFound)
    patched = write(kubernetes::create_request(kubernetes::kLeases, cluster.name_space, action.object));
  if (!patched) return kubernetes::api_fail(patched.error());
  return true;
}

Executor::Outcome Executor::act(const SmallMeta& cluster, const PutUsers& action) {
  ApiResult<std::string> written =
      action.resource_version.empty()
          ? write(kubernetes::create_request(kubernetes::kSecrets, cluster.name_space, action.object))
          : write(kubernetes::merge_patch_request(kubernetes::kSecrets, cluster.name_space, action.secret,
                                                  action.object));
  // Somebody was faster: theirs is what counts.
  if (!written && written.error().code == ApiCode::kAlreadyExists) return false;
  if (!written) return kubernetes::api_fail(written.error());
  return true;
}

Executor::Outcome Executor::act(const SmallMeta& cluster, const DeleteObject& action) {
  ApiResult<bool> unchanged = is_unchanged(cluster);
  if (!unchanged) return kubernetes::api_fail(unchanged.error());
  if (!*unchanged) return false;
  for (const auto& [type, name] : action.only_without) {
    ApiResult<bool> absent = is_absent(*type, cluster.name_space, name);
    if (!absent) return kubernetes::api_fail(absent.error());
    if (!*absent) return false;
  }
  kubernetes::DeleteOptions options{.uid = action.uid, .resource_version = action.resource_version};
  if (action.orphan) options.propagation = kubernetes::Propagation::kOrphan;
  ApiResult<std::string> deleted =
      write(kubernetes::delete_request(*action.type, cluster.name_space, action.name, options));
  if (!deleted && deleted.error().code == ApiCode::kNotFound) return false;
  if (!deleted) return kubernetes::api_fail(deleted.error());
  applier_.forget(*action.type, cluster.name_space, action.name);
  if (action.type == &kubernetes::kPods) deleted_pods_[cluster.key()].insert(action.uid);
  log_info("deleted",
           {{"cluster", cluster.key()}, {"object", fmt::format("{} {}", action.type->kind, action.name)}});
  return true;
}

Executor::Outcome Executor::act(const SmallMeta& cluster, const GrowClaim& action) {
  const std::string patch =
      fmt::format(R"({{"metadata":{{"uid":"{}"}},"spec":{{"resources":{{"requests":{{"storage":"{}"}}}}}}}})",
                  action.uid, action.size);
  ApiResult<std::string> patched = write(
      kubernetes::merge_patch_request(kubernetes::kVolumeClaims, cluster.name_space, action.name, patch));
  if (!patched) return kubernetes::api_fail(patched.error());
  return true;
}

Executor::Outcome Executor::act(const SmallMeta& cluster, const OwnClaim& action) {
  const kubernetes::Value owners =
      action.owned ? kubernetes::list({owner_reference(cluster)}) : kubernetes::list({});
  const std::string patch = to_json(kubernetes::fields(
      {{"metadata", kubernetes::fields({{"uid", action.uid}, {"ownerReferences", owners}})}}));
  ApiResult<std::string> patched = write(
      kubernetes::merge_patch_request(kubernetes::kVolumeClaims, cluster.name_space, action.name, patch));
  if (!patched) return kubernetes::api_fail(patched.error());
  return true;
}

// An Event that was told already has the same name, and is refused. Nothing depends on one that is lost.
void Executor::tell(const SmallMeta& cluster, const Event& event) {
  if (!may_write_()) return;
  const std::string name = fmt::format("{}.{:016x}", cluster.name, stable_hash(event.id + event.reason));
  ApiResult<std::string> told = write(
      kubernetes::create_request(kubernetes::kEvents, cluster.name_space, event_json(cluster, name, event)));
  if (!told && told.error().code != ApiCode::kAlreadyExists)
    log_warning("an Event was not told", {{"cluster", cluster.key()}, {"why", told.error().message}});
}

ApiResult<void> Executor::write_status(const SmallMeta& cluster, const std::string& status) {
  const std::string object =
      fmt::format(R"({{"apiVersion":"{}","kind":"{}","metadata":{{"name":"{}","uid":"{}"}},"status":{}}})",
                  kKeywayClusters.api_version(), kKeywayClusters.kind, cluster.name, cluster.uid, status);
  ApiResult<std::string> written =
      write(kubernetes::apply_request(kKeywayClusters, cluster.name_space, cluster.name, object, "status"));
  if (!written) return kubernetes::api_fail(written.error());
  return {};
}

ApiResult<std::optional<SecretView>> Executor::users_secret(const SmallMeta& cluster) {
  ApiResult<std::string> body = client_.call(kubernetes::get_request(kubernetes::kSecrets, cluster.name_space,
                                                                     kubernetes::secret_name(cluster.name)));
  if (!body && body.error().code == ApiCode::kNotFound) return std::optional<SecretView>();
  if (!body) return kubernetes::api_fail(body.error());
  Result<SecretView> secret = parse_users_secret(*body);
  if (!secret) return kubernetes::api_fail(ApiCode::kMalformed, secret.error().message);
  return std::optional<SecretView>(*std::move(secret));
}

ApiResult<std::string> Executor::write(kubernetes::ApiRequest request) {
  if (!may_write_()) return kubernetes::api_fail(ApiCode::kConflict, std::string(kNotLeading));
  ++writes_;
  return client_.call(std::move(request));
}

ApiResult<bool> Executor::is_absent(const ResourceType& type, const std::string& name_space,
                                    const std::string& name) {
  ApiResult<std::string> body = client_.call(kubernetes::get_request(type, name_space, name));
  if (body) return false;
  if (body.error().code == ApiCode::kNotFound) return true;
  return kubernetes::api_fail(body.error());
}

// Whether the decision was about the cluster as it is now.
ApiResult<bool> Executor::is_unchanged(const SmallMeta& cluster) {
  ApiResult<std::string> body =
      client_.call(kubernetes::get_request(kKeywayClusters, cluster.name_space, cluster.name));
  if (!body && body.error().code == ApiCode::kNotFound) return false;
  if (!body) return kubernetes::api_fail(body.error());
  Result<kubernetes::MetaView> now = kubernetes::parse_meta(*body);
  return now && now->meta.uid == cluster.uid && now->meta.generation == cluster.generation &&
         !now->meta.deleting;
}

}  // namespace keyway::operators
