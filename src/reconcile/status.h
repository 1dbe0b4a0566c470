// The state of a cluster as users see it: what `status`, the live view and (later) the Kubernetes status
// show. Pure; values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/plan.h"

namespace keyway::reconcile {

struct NodeStatus {
  std::string name;     // "p1-0"
  std::string id;       // sharded: cluster node id; replicated: replication id
  std::string address;  // "127.0.0.1:7001"
  int pid = 0;          // 0: not running
  std::string role;     // "primary", "replica", "unknown" (not answering)
  int64_t offset = 0;
  std::optional<double> lag_s;  // of a replica that is in the stream
  int64_t lag_bytes = 0;        // of a replica: its primary's offset less its own
  int64_t keys = 0;
  int64_t memory_bytes = 0;
  int64_t uptime_s = 0;
  std::string health;  // "ok", "loading", "syncing", "silent", "down", …
  std::string note;    // why it is not ok; may be empty
};

struct ShardStatus {
  std::string name;
  cluster::SlotRanges slots;
  std::optional<NodeStatus> primary;  // none: the shard takes no writes
  std::vector<NodeStatus> replicas;   // every other node, whatever its state
  std::string health;                 // "ok", "degraded" (takes writes, not whole), "down" (takes none)
};

struct ProxyStatus {
  std::string address;  // "127.0.0.1:6379"
  int pid = 0;          // 0: not running
  std::string user;     // as whom clients act that do not log in; empty: as nobody
  std::string note;     // why it does not run; may be empty

  std::string health() const { return pid != 0 ? "ok" : "down"; }
};

struct ClusterStatus {
  std::string name;
  std::string mode;        // "sharded", "replicated"
  std::string state;       // "ready", "creating", "changing", "degraded", "down", "stopped", "blocked"
  std::string engine;      // "redis 7.0.15"
  int supervisor_pid = 0;  // 0: none
  std::optional<ProxyStatus> proxy;
  std::vector<ShardStatus> shards;
  std::vector<std::string> doing;  // steps under way and what is waited for
  std::vector<cluster::Problem> problems;
};

// "ready": all desired nodes are ok and the plan is empty. "creating": never yet complete. "down": some shard
// takes no writes. "degraded": all shards take writes, some node is not ok. "changing": all is ok, and there
// are steps. "blocked": problems. "stopped": no process runs.
ClusterStatus make_status(const std::string& name, const cluster::Desired& desired,
                          const cluster::Observed& observed, const cluster::Plan& plan, int64_t wall_ms);

// The JSON of `status --json`: name, mode, state, shards[] {name, slots [[first,last]…], primary,
// replicas[]}, each node with id, address, pid, role, offset, lag_s, keys, memory_bytes, health; and the
// further fields above. Two blanks of indentation.
std::string to_json(const ClusterStatus& status);

}  // namespace keyway::reconcile
