// Finding servers that run in the folders of a cluster though no record says so: their supervisor was killed
// between starting them and writing it down, or a person started them. Reads all of /proc. Any thread.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "platform/local/paths.h"
#include "platform/local/process.h"

namespace keyway::platform::local {

// By node: the server whose working directory is the node's folder. Children that servers fork do not count.
std::map<std::string, ProcessIdentity> find_servers(const ClusterPaths& paths);

// The cluster's proxy: the `keyway proxy` whose working directory is the proxy's folder. Nothing if none
// runs.
std::optional<ProcessIdentity> find_proxy(const ClusterPaths& paths);

// Whether the process is a server that works in this node's folder.
bool is_server_of(int pid, const NodePaths& paths);

// When a process was started, by the wall clock.
int64_t started_wall_ms(const ProcessIdentity& process, int64_t wall_ms);

}  // namespace keyway::platform::local
