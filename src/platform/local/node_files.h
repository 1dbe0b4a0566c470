// The files in a node's folder, as they matter while its server does not run: whether there is data, putting
// it aside, keeping the log small. Any thread; one at a time for a folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "cluster/observed.h"
#include "cluster/spec.h"
#include "platform/local/paths.h"

namespace keyway::platform::local {

// Whether a server that starts with `appendonly` as given would find a data set. Servers read the append only
// files if that is on, else dump.rdb, and never the other.
cluster::DataOnDisk data_on_disk(const NodePaths& paths, bool appendonly);

// `config` as the node's server must be started with it so that it loads the data that it kept last:
// `appendonly` stays as it is in the node's redis.conf if there is data of that kind. (A server that runs can
// be switched over without loss.)
cluster::ServerConfig config_that_loads(const NodePaths& paths, const cluster::ServerConfig& config);

bool appendonly_in(const cluster::ServerConfig& config);

// Renames dump.rdb and the append only folder (and, with `table`, nodes.conf) to NAME.aside-20261122T101500Z,
// as far as they exist. On disk when it returns.
Status set_aside(const NodePaths& paths, bool table, int64_t wall_ms);

// The same for nodes.conf alone.
Status set_table_aside(const NodePaths& paths, int64_t wall_ms);

// Turns server.log to server.log.1 if it is above 8 MiB; true if so. Servers open their log for each line, so
// it may run.
bool turn_log(const NodePaths& paths);

}  // namespace keyway::platform::local
