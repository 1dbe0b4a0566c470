// The commands of `kubectl keyway`. Each returns the exit code or why it failed. Main thread.
#pragma once

#include <string>
#include <vector>

#include "cli/kubectl/pod_cluster.h"
#include "cli/kubectl/request.h"
#include "cli/output.h"

namespace keyway::cli {

// `words` are the arguments after the program's name.
Outcome run_plugin(const std::vector<std::string>& words, Output& output);

// Each does what the request's action says for the cluster that was found.
Outcome connect_cluster(PluginSession& session, const PodCluster& cluster, const PluginRequest& request,
                        Output& output);
Outcome fail_over(PluginSession& session, const PodCluster& cluster, const PluginRequest& request,
                  Output& output);
Outcome restart_pods(PluginSession& session, const PodCluster& cluster, const PluginRequest& request,
                     Output& output);
Outcome show_proxy(PluginSession& session, const PodCluster& cluster, const PluginRequest& request,
                   Output& output);
Outcome print_log(PluginSession& session, const PodCluster& cluster, const PluginRequest& request,
                  Output& output);
Outcome plan_change(PluginSession& session, PluginRequest& request, Output& output);

// " --namespace data": what a further call of the plugin for the same cluster needs.
std::string place_flags(const PluginSession& session, const PluginRequest& request);

}  // namespace keyway::cli
