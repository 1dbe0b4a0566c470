#include <algorithm>

#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/kubectl/actions.h"
#include "cli/kubectl/parse.h"
#include "cli/kubectl/status.h"

namespace keyway::cli {

namespace {

Outcome show_status(const PodCluster& cluster, Output& output) {
  if (output.json())
    output.print(pod_status_json(cluster));
  else
    output.print_lines(pod_status_lines(cluster, output.out()));
  return kExitDone;
}

Outcome print_password(PluginSession& session, const PodCluster& cluster, const PluginRequest& request,
                       Output& output) {
  Result<std::map<std::string, std::string>> users = read_users(session, cluster);
  if (!users) return fail(users.error());
  auto found = users->find(request.word);
  if (found == users->end() || found->second.empty()) {
    std::vector<std::string> names;
    for (const auto& [name, password] : *users) {
      if (!password.empty()) names.push_back(name);
    }
    std::string what = found == users->end() ? "there is no user" : "the Secret has no password of";
    return fail(ErrorCode::kNotFound,
                fmt::format("{} \"{}\"; there are {}", what, request.word, join(names, ", ")));
  }
  if (output.json()) {
    JsonText json;
    json.open_object();
    json.text("user", found->first);
    json.text("password", found->second);
    json.close();
    output.print(json.take());
  } else {
    output.print(found->second + "\n");
  }
  return kExitDone;
}

Outcome act(PluginSession& session, PluginRequest& request, Output& output) {
  if (request.action == PluginAction::kPlan) return plan_change(session, request, output);
  Result<PodCluster> cluster = find_cluster(session, request);
  if (!cluster) return fail(cluster.error());
  switch (request.action) {
    case PluginAction::kConnect:
      return connect_cluster(session, *cluster, request, output);
    case PluginAction::kStatus:
      return show_status(*cluster, output);
    case PluginAction::kFailover:
      return fail_over(session, *cluster, request, output);
    case PluginAction::kRestart:
      return restart_pods(session, *cluster, request, output);
    case PluginAction::kPassword:
      return print_password(session, *cluster, request, output);
    case PluginAction::kProxy:
      return show_proxy(session, *cluster, request, output);
    case PluginAction::kLogs:
      return print_log(session, *cluster, request, output);
    case PluginAction::kPlan:
    case PluginAction::kHelp:
      break;
  }
  return kExitDone;
}

}  // namespace

std::string place_flags(const PluginSession& session, const PluginRequest& request) {
  std::string text = fmt::format(" --namespace {}", session.name_space);
  if (!request.kubeconfig.context.empty()) text += fmt::format(" --context {}", request.kubeconfig.context);
  if (!request.kubeconfig.files.empty()) text += fmt::format(" --kubeconfig {}", request.kubeconfig.files);
  return text;
}

Outcome run_plugin(const std::vector<std::string>& words, Output& output) {
  Result<PluginRequest> request = parse_plugin(words);
  if (!request) return fail(request.error());
  if (request->action == PluginAction::kHelp) {
    output.print(plugin_help());
    return kExitDone;
  }
  Result<platform::kubernetes::ClientConfig> config =
      platform::kubernetes::find_client_config(request->kubeconfig);
  if (!config) return fail(config.error());
  PluginSession session(*std::move(config));
  return act(session, *request, output);
}

}  // namespace keyway::cli
