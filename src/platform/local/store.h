// The clusters of this user on this machine: making, finding, listing and deleting them. Each function reads
// the disk afresh. Any thread; several processes may call at once (a lock in the state home orders those that
// change something).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cluster/spec.h"
#include "platform/local/state.h"

namespace keyway::platform::local {

struct ClusterEntry {
  std::string name;
  ClusterPaths paths;
  int supervisor_pid = 0;             // 0: no supervisor
  std::optional<ClusterState> state;  // none: see `error`
  std::optional<Error> error;
};

// All clusters, by name. Damaged ones are listed with their error. Empty if there is no state home yet.
Result<std::vector<ClusterEntry>> list_clusters(const std::string& home);

bool cluster_exists(const std::string& home, std::string_view name);

struct Created {
  ClusterState state;
  std::vector<std::string> warnings;  // for people
};

// Makes the record of a new cluster: checks engine, configuration, resources and ports, generates passwords
// and node ids. No server is started. All or nothing: after an error there is no trace. kAlreadyExists; else
// the errors of the checks.
Result<Created> create_cluster(const std::string& home, const cluster::Spec& spec);

// Brings the record's nodes and the proxy's port to those of `spec`: allocates ports and ids for new nodes,
// marks those that are to go, takes back those that were to go and are wanted again. Changes `state` only if
// it succeeds; saves nothing.
Status sync_nodes(const std::string& home, const cluster::Spec& spec, ClusterState& state);

// Deletes a cluster's folder with all data. kConflict: its supervisor runs, or one of its servers does.
Status delete_cluster(const std::string& home, std::string_view name);

}  // namespace keyway::platform::local
