#include "agent/kubernetes_registry.h"

#include <boost/asio/io_context.hpp>
#include <map>

#include "base/format.h"
#include "platform/kubernetes/api_client.h"
#include "platform/kubernetes/cluster_lease.h"
#include "platform/kubernetes/lease_keeper.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/object_cache.h"
#include "platform/kubernetes/object_meta.h"
#include "platform/kubernetes/reflector.h"

namespace keyway::agent {

namespace api = platform::kubernetes;

namespace {

constexpr int64_t kCallMs = 1000;
constexpr size_t kMaxPods = 10'000;
constexpr const char* kNodeId = "keyway.dev/node-id";

RoleMark role_of(std::string_view label) {
  if (label == api::kShardRolePrimary) return RoleMark::kPrimary;
  return label == api::kShardRoleReplica ? RoleMark::kReplica : RoleMark::kNone;
}

// A pod as the cache keeps it: of its metadata no more than tells it from others.
struct KeptPod {
  api::ObjectMeta meta;
  Pod pod;

  friend bool operator==(const KeptPod&, const KeptPod&) = default;
};

Result<KeptPod> read_kept(std::string_view object) {
  Result<api::PodView> view = api::parse_pod(object);
  if (!view) return fail(view.error());
  KeptPod kept;
  kept.meta.name = view->meta.name;
  kept.meta.name_space = view->meta.name_space;
  kept.meta.resource_version = view->meta.resource_version;
  Pod& pod = kept.pod;
  pod.name = view->meta.name;
  pod.uid = view->meta.uid;
  pod.shard = view->meta.label(api::kPartitionLabel);
  pod.server.host = view->ip;
  pod.role = role_of(view->meta.label(api::kShardRoleLabel));
  auto node_id = view->meta.annotations.find(kNodeId);
  if (node_id != view->meta.annotations.end()) pod.node_id = node_id->second;
  pod.ending = view->meta.deleting;
  return kept;
}

// All pods of a cluster serve at the same ports.
Pod complete(Pod pod, const Settings& settings) {
  pod.http = {pod.server.host, settings.http.port};
  pod.server.port = settings.server.port;
  return pod;
}

class KubernetesRegistry : public Registry {
 public:
  KubernetesRegistry(const Settings& settings, api::ClientConfig config)
      : settings_(settings),
        name_space_(settings.pod_namespace.empty() ? config.name_space : settings.pod_namespace),
        client_(io_, std::move(config)),
        cache_(read_kept, kMaxPods) {}

  // Watched, and not asked for again and again: each pod's agent wants all of them. What the watch has
  // brought is taken up here, and while other calls wait for their answers.
  Result<std::vector<Pod>> pods() override {
    if (!reflector_) reflector_.emplace(client_, api::kPods, name_space_, cache_, reflected());
    take_up(reflector_->synced() ? 0 : kCallMs);
    if (const auto& problem = reflector_->problem()) return fail(api::to_error(*problem));
    if (!reflector_->synced())
      return fail(ErrorCode::kTimeout, "the API server has not listed the pods in time");
    std::vector<Pod> pods;
    for (const auto& [key, kept] : cache_.objects()) pods.push_back(complete(kept.pod, settings_));
    return pods;
  }

  Result<std::optional<Lease>> lease(const std::string& name) override {
    Result<std::string> object = call(api::get_request(api::kLeases, name_space_, name));
    if (!object && object.error().code == ErrorCode::kNotFound) return std::optional<Lease>();
    if (!object) return fail(object.error());
    Result<Lease> lease = read_lease(*object);
    if (!lease) return fail(lease.error());
    return std::optional<Lease>(std::move(*lease));
  }

  Result<Lease> put_lease(const Lease& lease) override {
    std::string object = lease_object(lease, name_space_);
    // A patch leaves alone what others have written beside.
    Result<std::string> written =
        call(lease.resource_version.empty()
                 ? api::create_request(api::kLeases, name_space_, object)
                 : api::merge_patch_request(api::kLeases, name_space_, lease.name, object));
    if (!written && written.error().code == ErrorCode::kAlreadyExists)
      return fail(ErrorCode::kConflict, written.error().message);
    if (!written) return fail(written.error());
    return read_lease(*written);
  }

  Status mark_role(const std::string& pod, RoleMark role) override {
    std::string_view value = role == RoleMark::kPrimary ? api::kShardRolePrimary : api::kShardRoleReplica;
    api::MetadataChanges labels = {{std::string(api::kShardRoleLabel), std::string(value)}};
    return done(call(api::label_request(api::kPods, name_space_, pod, labels, "")));
  }

  Status mark_node_id(const std::string& id) override {
    api::MetadataChanges annotations = {{kNodeId, id}};
    return done(call(api::annotate_request(api::kPods, name_space_, settings_.pod, annotations, "")));
  }

 private:
  api::ReflectorOptions reflected() const {
    api::ReflectorOptions options;
    options.list.label_selector = fmt::format("{}={},{}={}", api::cluster_label(settings_.mode),
                                              settings_.cluster, api::kRoleLabel, api::kPartitionRole);
    return options;
  }
  // Lets the watch have its say; for `timeout_ms` at most, until it has been whole once.
  void take_up(int64_t timeout_ms) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    if (io_.stopped()) io_.restart();
    io_.poll();
    while (!reflector_->synced() && !reflector_->problem() && io_.run_one_until(deadline) > 0) {
    }
  }
  Result<std::string> call(api::ApiRequest request) {
    request.timeout_ms = kCallMs;
    // Of a write whose answer is lost, the next look tells.
    request.repeatable = false;
    api::ApiResult<std::string> answer = client_.call(std::move(request));
    if (!answer) return fail(api::to_error(answer.error()));
    return std::move(*answer);
  }
  static Status done(const Result<std::string>& answer) {
    return answer ? Status{} : Status{fail(answer.error())};
  }

  Settings settings_;
  std::string name_space_;
  boost::asio::io_context io_{1};
  api::ApiClient client_;
  api::ObjectCache<KeptPod> cache_;
  std::optional<api::Reflector> reflector_;
};

}  // namespace

Result<std::unique_ptr<Registry>> open_kubernetes_registry(const Settings& settings) {
  Result<api::ClientConfig> config = api::in_cluster_config();
  if (!config) return fail(config.error());
  return std::make_unique<KubernetesRegistry>(settings, std::move(*config));
}

Result<Pod> read_pod(std::string_view object, const Settings& settings) {
  Result<KeptPod> kept = read_kept(object);
  if (!kept) return fail(kept.error());
  return complete(std::move(kept->pod), settings);
}

Result<Lease> read_lease(const std::string& object) {
  Result<api::LeaseRecord> record = api::parse_lease(object);
  if (!record) return fail(record.error());
  Result<api::MetaView> view = api::parse_meta(object);
  if (!view) return fail(view.error());
  auto annotation = [&view](std::string_view name) { return view->meta.annotations[std::string(name)]; };
  Lease lease;
  static_cast<api::LeaseRecord&>(lease) = std::move(*record);
  lease.name = view->meta.name;
  lease.note = annotation(api::kNoteAnnotation);
  lease.report = annotation(api::kReportAnnotation);
  lease.wanted = annotation(api::kWantedAnnotation);
  return lease;
}

std::string lease_object(const Lease& lease, const std::string& name_space) {
  std::map<std::string, std::string> annotations = {{std::string(api::kNoteAnnotation), lease.note}};
  if (!lease.report.empty()) annotations.emplace(api::kReportAnnotation, lease.report);
  return api::lease_json(name_space, lease.name, lease, annotations);
}

}  // namespace keyway::agent
