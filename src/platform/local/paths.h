// Where Keyway keeps its state on this machine. Nothing outside this file knows how folders and files are
// called. Pure but for find_home, make_private_folder, make_shared_folder and prepare_home; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::platform::local {

// A node's folder: the working directory of its server.
struct NodePaths {
  std::string folder;

  std::string config_file() const { return folder + "/redis.conf"; }
  std::string users_file() const { return folder + "/users.acl"; }
  std::string node_table() const { return folder + "/nodes.conf"; }
  std::string log_file() const { return folder + "/server.log"; }
  std::string pid_file() const { return folder + "/server.pid"; }
};

// The schedules of a cluster's backups: documents that `keyway backup schedule` writes, and what the
// supervisor keeps of each.
struct SchedulePaths {
  std::string folder;

  std::string document(std::string_view name) const { return folder + "/" + std::string(name) + ".yaml"; }
  // A wish to have it carried out now; the supervisor takes it away.
  std::string wish(std::string_view name) const { return folder + "/" + std::string(name) + ".now"; }
  std::string runs_folder() const { return folder + "/runs"; }
  std::string diary(std::string_view name) const { return runs_folder() + "/" + std::string(name) + ".json"; }
  std::string output(std::string_view name) const { return runs_folder() + "/" + std::string(name) + ".log"; }
};

struct ClusterPaths {
  std::string folder;

  std::string state_file() const { return folder + "/state.json"; }
  std::string run_file() const { return folder + "/run.json"; }
  std::string users_file() const { return folder + "/users"; }
  std::string lock_file() const { return folder + "/supervisor.lock"; }
  std::string socket() const { return folder + "/supervisor.sock"; }
  std::string supervisor_log() const { return folder + "/supervisor.log"; }
  std::string history_file() const { return folder + "/history.jsonl"; }
  std::string nodes_folder() const { return folder + "/nodes"; }
  SchedulePaths schedules() const { return {folder + "/schedules"}; }
  // The proxy's: like a node's, with a log only.
  NodePaths proxy() const { return {folder + "/proxy"}; }
  NodePaths node(std::string_view name) const { return {nodes_folder() + "/" + std::string(name)}; }
};

// $KEYWAY_HOME, else $XDG_STATE_HOME/keyway, else $HOME/.local/state/keyway; absolute. It need not exist.
// kInvalidArgument: none of the three is set, or the one that counts is no absolute path.
Result<std::string> find_home();

std::string clusters_folder(const std::string& home);
ClusterPaths cluster_paths(const std::string& home, std::string_view cluster);

// Makes `folder` and what is missing above it, the new ones with mode 0700; one that exists must be a folder
// that belongs to this user and can be written to (kDenied), and loses the permissions of others if it has
// any.
Status make_private_folder(const std::string& folder);

// The same, but one that exists may be anybody's as long as it can be written to, and keeps its permissions:
// such as a volume of a pod, which is root's and lets the pod's group write.
Status make_shared_folder(const std::string& folder);

// As make_private_folder for `home` and its folder of clusters.
Status prepare_home(const std::string& home);

}  // namespace keyway::platform::local
