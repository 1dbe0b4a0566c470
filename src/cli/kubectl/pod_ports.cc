#include "cli/kubectl/pod_ports.h"

#include "base/format.h"
#include "platform/kubernetes/names.h"

namespace keyway::cli {

namespace kubernetes = platform::kubernetes;
using kubernetes::LocalForward;
using kubernetes::PodPort;

namespace {

constexpr size_t kMaxPods = 2'000;

kubernetes::ReflectorOptions pods_of(const PodCluster& cluster) {
  kubernetes::ReflectorOptions options;
  options.list.label_selector = cluster.label_selector();
  return options;
}

}  // namespace

PodPorts::PodPorts(PluginSession& session, const PodCluster& cluster, Trouble trouble)
    : session_(session),
      trouble_(std::move(trouble)),
      pods_(kubernetes::parse_pod, kMaxPods,
            [this](const PodView* before, const PodView* now) { pod_changed(before, now); }),
      reflector_(session.client, kubernetes::kPods, session.name_space, pods_, pods_of(cluster)) {}

void PodPorts::pod_changed(const PodView* before, const PodView* now) {
  const std::string& name = (now != nullptr ? now : before)->meta.name;
  std::unique_ptr<LocalForward>& forward = forwards_[name];
  if (forward == nullptr) forward = forward_to(name);
  // Connections to a pod that is no more may never end by themselves.
  if (forward != nullptr) forward->cut_misled();
  for (const auto& primary : primaries_) primary->cut_misled();
  update_detours();
}

void PodPorts::update_detours() {
  constexpr uint16_t port = kubernetes::kServerPort;
  std::map<Address, Address> ways;
  for (const auto& [name, forward] : forwards_) {
    const PodView* pod = find(name);
    if (forward == nullptr || pod == nullptr) continue;
    ways[{name, port}] = forward->address();
    if (!pod->ip.empty()) ways[{pod->ip, port}] = forward->address();
  }
  detours_->set(std::move(ways));
}

std::unique_ptr<LocalForward> PodPorts::forward_to(const std::string& pod) {
  kubernetes::LocalForwardOptions options;
  options.target = [this, pod] { return target_of(pod); };
  options.trouble = [this](const kubernetes::ApiError& why) { trouble_(explained(why).message); };
  Result<std::unique_ptr<LocalForward>> forward =
      LocalForward::listen(session_.client, {"127.0.0.1", 0}, std::move(options));
  if (forward) return *std::move(forward);
  trouble_(forward.error().message);
  return nullptr;
}

Result<Address> PodPorts::add_primary_port(const std::string& shard, const Address& at) {
  kubernetes::LocalForwardOptions options;
  options.target = [this, shard] { return primary_of(shard); };
  options.trouble = [this](const kubernetes::ApiError& why) { trouble_(explained(why).message); };
  Result<std::unique_ptr<LocalForward>> forward =
      LocalForward::listen(session_.client, at, std::move(options));
  if (!forward) return fail(forward.error());
  primaries_.push_back(*std::move(forward));
  return primaries_.back()->address();
}

const kubernetes::PodView* PodPorts::find(const std::string& pod) const {
  return pods_.find(session_.name_space + "/" + pod);
}

Result<PodPort> PodPorts::target_of(const std::string& pod) const {
  const PodView* view = find(pod);
  if (view == nullptr) return fail(ErrorCode::kUnavailable, fmt::format("there is no pod {} now", pod));
  return PodPort{session_.name_space, pod, kubernetes::kServerPort, view->meta.uid};
}

Result<PodPort> PodPorts::primary_of(const std::string& shard) const {
  for (const auto& [key, pod] : pods_.objects()) {
    if (pod.meta.label(kubernetes::kPartitionLabel) == shard && !pod.meta.deleting &&
        pod.meta.label(kubernetes::kShardRoleLabel) == kubernetes::kShardRolePrimary)
      return target_of(pod.meta.name);
  }
  return fail(ErrorCode::kUnavailable, fmt::format("no pod of {} is the primary now", shard));
}

std::vector<Address> PodPorts::by_name() const {
  std::vector<Address> servers;
  for (const auto& [key, pod] : pods_.objects()) servers.push_back({pod.meta.name, kubernetes::kServerPort});
  return servers;
}

std::string PodPorts::pod_at(const Address& server) const {
  for (const auto& [key, pod] : pods_.objects()) {
    if (pod.ip == server.host) return pod.meta.name;
  }
  return {};
}

}  // namespace keyway::cli
