#include "cli/kubectl/pod_cluster.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/strings.h"
#include "engine/cut.h"
#include "platform/base64.h"
#include "platform/kubernetes/list_page.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/resource.h"

namespace keyway::cli {

namespace kubernetes = platform::kubernetes;
using kubernetes::PodView;

namespace {

constexpr std::string_view kUsersFileName = "users.acl";
constexpr int kMaxPages = 100;

Result<std::vector<PodView>> read_pods(PluginSession& session) {
  kubernetes::ListOptions options;
  options.label_selector = fmt::format("{}={}", kubernetes::kRoleLabel, kubernetes::kPartitionRole);
  std::vector<PodView> pods;
  std::string token;
  for (int page = 0; page < kMaxPages; ++page) {
    Result<std::string> body =
        ask(session, kubernetes::list_request(kubernetes::kPods, session.name_space, options, token));
    if (!body) return fail(body.error());
    Result<kubernetes::ListPage> list = kubernetes::cut_list(*body);
    if (!list) return fail(list.error());
    for (std::string_view item : list->items) {
      Result<PodView> pod = kubernetes::parse_pod(item);
      if (!pod) return fail(pod.error());
      pods.push_back(std::move(*pod));
    }
    token = list->continue_token;
    if (token.empty()) break;
  }
  std::ranges::sort(pods, {}, [](const PodView& pod) { return pod.meta.name; });
  return pods;
}

// "redis-partition-p1-app-0" of shard p1: "app".
std::string suffix_of(const PodView& pod, std::string_view shard) {
  std::string before = kubernetes::stateful_set_name(shard, "");
  std::string_view rest = pod.meta.name;
  if (!rest.starts_with(before)) return {};
  rest.remove_prefix(before.size());
  rest = rest.substr(0, rest.rfind('-'));
  return std::string(rest.substr(rest.starts_with('-') ? 1 : 0));
}

// What the agents say, where it can be read: a cluster can be looked at without it.
void read_reports(PluginSession& session, PodCluster& cluster) {
  std::vector<std::string> leases;
  for (const auto& [name, shard] : cluster.shards) leases.push_back(cluster.lease_name(name));
  leases.erase(std::unique(leases.begin(), leases.end()), leases.end());
  for (const std::string& lease : leases) {
    std::optional<kubernetes::Report> report = read_report(session, lease);
    if (!report) continue;
    for (const auto& [name, shard] : report->shards) cluster.shards[name].report = shard;
    cluster.reports.push_back(std::move(*report));
  }
}

// A cluster that has no pods yet.
PodCluster cluster_of_object(const std::string& name, const std::string& object) {
  PodCluster cluster;
  cluster.name = cluster.suffix = name;
  nlohmann::json document = nlohmann::json::parse(object, nullptr, false);
  auto spec = document.is_object() ? document.find("spec") : document.end();
  bool replicated =
      spec != document.end() && spec->is_object() && spec->value("mode", nlohmann::json()) == "replicated";
  cluster.mode = replicated ? cluster::Mode::kReplicated : cluster::Mode::kSharded;
  return cluster;
}

std::string names_of(const std::map<std::string, PodCluster>& clusters) {
  std::vector<std::string> names;
  for (const auto& [name, cluster] : clusters) names.push_back(name);
  return join(names, ", ");
}

// Which cluster is meant; what is empty is still to be found as an object.
Status choose_name(const std::map<std::string, PodCluster>& clusters, const std::string& name_space,
                   PluginRequest& request) {
  if (request.cluster.empty() && clusters.contains(request.word) &&
      (request.action == PluginAction::kRestart || request.action == PluginAction::kLogs))
    request.cluster = std::exchange(request.word, {});
  if (!request.cluster.empty()) return {};
  if (clusters.size() == 1) {
    request.cluster = clusters.begin()->first;
    return {};
  }
  if (clusters.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("the namespace {} has no pods of a cluster; name another one by --namespace",
                            name_space));
  }
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("the namespace {} has several clusters; name one of {}", name_space, names_of(clusters)));
}

}  // namespace

PluginSession::PluginSession(kubernetes::ClientConfig config)
    : name_space(config.name_space),
      server(fmt::format("{} ({})", to_string(config.server), config.source)),
      client(io, std::move(config)) {}

Error explained(const kubernetes::ApiError& error) {
  Error plain = to_error(error);
  if (error.code == kubernetes::ApiCode::kForbidden) {
    plain.message +=
        "; ask for a role with get, list and watch of pods, get of leases, secrets and keywayclusters, and "
        "get "
        "and create of pods/portforward (docs/kubernetes.md has one)";
  }
  return plain;
}

Result<std::string> ask(PluginSession& session, kubernetes::ApiRequest request) {
  kubernetes::ApiResult<std::string> answer = session.client.call(std::move(request));
  if (!answer) return fail(explained(answer.error()));
  return std::move(*answer);
}

std::string PodShard::primary() const {
  for (const PodView& pod : pods) {
    if (pod.meta.label(kubernetes::kShardRoleLabel) == kubernetes::kShardRolePrimary) return pod.meta.name;
  }
  return report ? report->primary : std::string();
}

const PodView* PodCluster::pod(std::string_view wanted) const {
  for (const auto& [shard_name, shard] : shards) {
    auto found = std::ranges::find(shard.pods, wanted,
                                   [](const PodView& pod) -> std::string_view { return pod.meta.name; });
    if (found != shard.pods.end()) return &*found;
  }
  return nullptr;
}

std::string PodCluster::label_selector() const {
  return fmt::format("{}={},{}={}", kubernetes::cluster_label(mode), name, kubernetes::kRoleLabel,
                     kubernetes::kPartitionRole);
}

std::string PodCluster::lease_name(const std::string& shard) const {
  return mode == cluster::Mode::kSharded ? kubernetes::service_name(suffix)
                                         : kubernetes::stateful_set_name(shard, suffix);
}

std::map<std::string, PodCluster> clusters_of(const std::vector<PodView>& pods) {
  std::map<std::string, PodCluster> clusters;
  for (const PodView& pod : pods) {
    std::string_view of_cluster = pod.meta.label(kubernetes::kClusterLabel);
    std::string name(of_cluster.empty() ? pod.meta.label(kubernetes::kServerLabel) : of_cluster);
    std::string shard(pod.meta.label(kubernetes::kPartitionLabel));
    if (name.empty() || shard.empty()) continue;
    PodCluster& cluster = clusters[name];
    cluster.name = name;
    cluster.mode = of_cluster.empty() ? cluster::Mode::kReplicated : cluster::Mode::kSharded;
    cluster.suffix = suffix_of(pod, shard);
    cluster.shards[shard].pods.push_back(pod);
  }
  return clusters;
}

std::optional<kubernetes::Report> read_report(PluginSession& session, const std::string& lease) {
  Result<std::string> body =
      ask(session, kubernetes::get_request(kubernetes::kLeases, session.name_space, lease));
  Result<kubernetes::MetaView> meta = body ? kubernetes::parse_meta(*body) : fail(body.error());
  if (!meta) return std::nullopt;
  auto found = meta->meta.annotations.find(std::string(kubernetes::kReportAnnotation));
  if (found == meta->meta.annotations.end()) return std::nullopt;
  Result<kubernetes::Report> report = kubernetes::parse_report(found->second);
  if (!report) return std::nullopt;
  return *std::move(report);
}

Result<PodCluster> find_cluster(PluginSession& session, PluginRequest& request) {
  Result<std::vector<PodView>> pods = read_pods(session);
  if (!pods) return fail(pods.error());
  std::map<std::string, PodCluster> clusters = clusters_of(*pods);
  if (Status chosen = choose_name(clusters, session.name_space, request); !chosen)
    return fail(chosen.error());
  // Not to know of KeywayClusters, or not to be allowed to read them, is as good as to have none.
  Result<std::string> object =
      ask(session, kubernetes::get_request(kKeywayClusters, session.name_space, request.cluster));
  auto found = clusters.find(request.cluster);
  if (found == clusters.end() && !object) {
    std::string there = clusters.empty() ? "it has none" : "it has " + names_of(clusters);
    return fail(ErrorCode::kNotFound, fmt::format("the namespace {} has no cluster \"{}\"; {}",
                                                  session.name_space, request.cluster, there));
  }
  PodCluster cluster =
      found == clusters.end() ? cluster_of_object(request.cluster, *object) : std::move(found->second);
  cluster.object = object.value_or("");
  read_reports(session, cluster);
  return cluster;
}

Result<std::map<std::string, std::string>> read_users(PluginSession& session, const PodCluster& cluster) {
  std::string name = kubernetes::secret_name(cluster.suffix);
  Result<std::string> body =
      ask(session, kubernetes::get_request(kubernetes::kSecrets, session.name_space, name));
  if (!body) return fail(body.error());
  nlohmann::json document = nlohmann::json::parse(*body, nullptr, false);
  nlohmann::json::json_pointer at("/data/" + std::string(kUsersFileName));
  bool there = document.is_object() && document.contains(at) && document[at].is_string();
  std::optional<std::string> acl =
      there ? platform::base64_decoded(document[at].get<std::string>()) : std::nullopt;
  if (!acl) {
    return fail(ErrorCode::kNotFound,
                fmt::format("the Secret {} in {} has no {}", name, session.name_space, kUsersFileName));
  }
  return users_in(*acl);
}

std::map<std::string, std::string> users_in(std::string_view acl) {
  std::map<std::string, std::string> users;
  while (!acl.empty()) {
    std::vector<std::string_view> words = split_blanks(engine::cut_line(acl));
    if (words.size() < 2 || words[0] != "user") continue;
    std::string& password = users[std::string(words[1])];
    for (std::string_view word : words) {
      if (password.empty() && word.size() > 1 && word[0] == '>') password = word.substr(1);
    }
  }
  return users;
}

}  // namespace keyway::cli
