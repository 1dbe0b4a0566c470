// What an agent is told: which pod of which cluster it is, where its files are and where it listens. From the
// environment of its container, or flags. A value; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "cluster/spec.h"

namespace keyway::agent {

struct Settings {
  std::string pod;            // its name; ends in "-0", "-1", …
  std::string pod_namespace;  // empty: not in Kubernetes
  std::string pod_uid;        // tells this pod from an earlier one of the same name
  std::string cluster;
  cluster::Mode mode = cluster::Mode::kSharded;
  std::string shard;
  std::vector<std::string> partitions;  // all of the cluster; empty: not known
  int replicas = 0;                     // of this shard
  std::optional<int64_t> max_memory_bytes;

  std::string bind;           // where the server listens; empty: everywhere
  Address server;             // where others reach it
  uint16_t bus_port = 0;      // sharded mode
  Address http;               // where probes and counts are served
  std::string data_folder;    // the server's working directory
  std::string config_file;    // lines of redis.conf that outweigh the server's defaults; may be missing
  std::string users_file;     // users with their passwords; may be missing
  std::string engine;         // the server program or its folder; empty: found by its name
  std::string registry;       // a folder in place of the API server; empty: none
  int64_t grace_ms = 30'000;  // from SIGTERM to the end, at most

  // As what the agent holds Leases; see pod_of() in election.h.
  std::string identity() const { return pod + "/" + pod_uid; }
};

// One setting: its variable and its flag, with what is meant if neither is given.
struct SettingName {
  std::string_view variable;  // "POD_NAME"
  std::string_view flag;      // as cli/grammar.h names it: "pod"
  std::string_view otherwise;
};

// `given` gives the value of a setting; nothing: not given. kInvalidArgument: one is missing or wrong; names
// variable and flag.
Result<Settings> read_settings(
    const std::function<std::optional<std::string>(const SettingName& name)>& given);

}  // namespace keyway::agent
