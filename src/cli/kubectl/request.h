// What `kubectl keyway …` was asked, as values. Any thread.
#pragma once

#include <string>

#include "cli/cluster/request.h"
#include "platform/kubernetes/client_config.h"

namespace keyway::cli {

enum class PluginAction {
  kHelp,
  kConnect,
  kStatus,
  kPlan,
  kFailover,
  kRestart,
  kPassword,
  kProxy,
  kLogs,
};

struct PluginRequest {
  PluginAction action = PluginAction::kHelp;
  platform::kubernetes::KubeconfigChoice kubeconfig;  // --kubeconfig, --context, --namespace
  std::string cluster;                                // empty: the only one of the namespace
  std::string word;  // a shard, a pod or a user, as the action has it; of restart and logs perhaps the
                     // cluster: find_cluster() tells
  bool json = false;
  bool proxy = false;   // connect: one plain address
  bool follow = false;  // logs
  bool wait = true;     // failover
  int port = 0;         // connect: 0: a free one
  int lines = 100;      // logs
  std::string file;     // plan
  std::string to;       // failover: a pod; empty: the best one
  Login login;          // connect: as whom to look at the cluster, instead of what its Secret says
};

}  // namespace keyway::cli
