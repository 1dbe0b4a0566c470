// proxy and logs: what the API server knows.
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"
#include "cli/interrupt.h"
#include "cli/kubectl/actions.h"
#include "platform/kubernetes/names.h"

namespace keyway::cli {

namespace kubernetes = platform::kubernetes;

namespace {

constexpr int64_t kSilenceMs = 24 * 3600 * int64_t{1000};  // a log may be quiet
constexpr auto kTurn = std::chrono::milliseconds(100);

int64_t number_at(const nlohmann::json& object, const char* path) {
  nlohmann::json::json_pointer at(path);
  return object.contains(at) && object[at].is_number_integer() ? object[at].get<int64_t>() : 0;
}

// The pod that holds the cluster's Lease, or that of its first shard: its agent looks after the others.
Result<std::string> holder(PluginSession& session, const PodCluster& cluster) {
  if (cluster.shards.empty())
    return fail(ErrorCode::kNotFound, fmt::format("{} has no pods yet", cluster.name));
  std::string lease = cluster.lease_name(cluster.shards.begin()->first);
  Result<std::string> body =
      ask(session, kubernetes::get_request(kubernetes::kLeases, session.name_space, lease));
  if (!body) return fail(body.error());
  nlohmann::json document = nlohmann::json::parse(*body, nullptr, false);
  nlohmann::json::json_pointer at("/spec/holderIdentity");
  std::string identity = document.is_object() && document.contains(at) && document[at].is_string()
                             ? document[at].get<std::string>()
                             : "";
  for (const auto& [name, shard] : cluster.shards) {
    for (const kubernetes::PodView& pod : shard.pods) {
      if (identity == pod.meta.name || identity.starts_with(pod.meta.name + "/")) return pod.meta.name;
    }
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("nobody holds the Lease {} now; name a pod: kubectl keyway logs {} POD", lease,
                          cluster.name));
}

Outcome follow_log(PluginSession& session, kubernetes::ApiRequest request, Output& output) {
  std::optional<kubernetes::ApiResult<void>> ended;
  Interrupts interrupts;
  uint64_t number =
      session.client.stream(std::move(request), kSilenceMs,
                            {.begun = {},
                             .piece = [&](std::string_view piece) -> Status {
                               output.print(piece);
                               return {};
                             },
                             .ended = [&](const kubernetes::ApiResult<void>& why) { ended = why; }});
  while (!ended && !interrupts.wait(0)) {
    if (session.io.stopped()) session.io.restart();
    session.io.run_for(kTurn);
  }
  session.client.cancel(number);
  if (!ended) return kExitInterrupted;
  return *ended ? Outcome(kExitDone) : Outcome(fail(explained(ended->error())));
}

}  // namespace

Outcome print_log(PluginSession& session, const PodCluster& cluster, const PluginRequest& request,
                  Output& output) {
  Result<std::string> pod = request.word.empty() ? holder(session, cluster) : request.word;
  if (!pod) return fail(pod.error());
  if (cluster.pod(*pod) == nullptr)
    return fail(ErrorCode::kNotFound, fmt::format("{} has no pod \"{}\"", cluster.name, *pod));
  kubernetes::QueryParameters query = {{"container", std::string(kubernetes::kServerContainer)},
                                       {"tailLines", std::to_string(request.lines)}};
  if (request.follow) query.emplace_back("follow", "true");
  kubernetes::ApiRequest asked;
  asked.method = "GET";
  asked.path = kubernetes::path_of(kubernetes::kPods, session.name_space, *pod, "log", query);
  asked.accept = "*/*";
  asked.what = fmt::format("the log of {}", *pod);
  if (request.follow) return follow_log(session, std::move(asked), output);
  Result<std::string> text = ask(session, std::move(asked));
  if (!text) return fail(text.error());
  output.print(*text);
  return kExitDone;
}

Outcome show_proxy(PluginSession& session, const PodCluster& cluster, const PluginRequest& request,
                   Output& output) {
  std::string name = kubernetes::proxy_name(cluster.suffix);
  Result<std::string> body =
      ask(session, kubernetes::get_request(kubernetes::kDeployments, session.name_space, name));
  if (!body && body.error().code == ErrorCode::kNotFound) {
    std::string call =
        fmt::format("kubectl keyway connect {} --proxy{}", cluster.name, place_flags(session, request));
    return fail(ErrorCode::kNotFound,
                fmt::format("{} has no proxy in Kubernetes; from here, `{}` is one", cluster.name, call));
  }
  if (!body) return fail(body.error());
  Result<std::string> service =
      ask(session, kubernetes::get_request(kubernetes::kServices, session.name_space, name));
  if (!service) return fail(service.error());
  nlohmann::json deployed = nlohmann::json::parse(*body, nullptr, false);
  nlohmann::json served = nlohmann::json::parse(*service, nullptr, false);
  int64_t wanted = number_at(deployed, "/spec/replicas");
  int64_t ready = number_at(deployed, "/status/readyReplicas");
  std::string address =
      fmt::format("{}.{}.svc:{}", name, session.name_space, number_at(served, "/spec/ports/0/port"));
  if (output.json()) {
    JsonText json;
    json.open_object();
    json.text("name", name);
    json.text("address", address);
    json.number("replicas", wanted);
    json.number("ready", ready);
    json.close();
    output.print(json.take());
  } else {
    output.print_lines({fmt::format("{}  {} of {} ready  {}", name, ready, wanted, address)});
  }
  return kExitDone;
}

}  // namespace keyway::cli
