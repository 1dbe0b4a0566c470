// Making a cluster of running, empty servers in cluster mode.
#pragma once

#include <functional>
#include <map>

#include "admin/session.h"
#include "cluster/placement.h"
#include "cluster/slots.h"

namespace keyway::admin {

struct CreateOptions {
  std::vector<Address> nodes;
  int replicas = 0;
  std::map<Address, std::string> zones;  // else what the servers announce
  bool dry_run = false;
  bool yes = false;
  int64_t timeout_ms = 60000;  // for the cluster to be whole
  std::function<void(const cluster::Placement& placement)> show_plan;
};

struct CreateResult {
  cluster::Placement placement;
  bool carried_out = false;  // false: only shown, or the answer was no
  bool interrupted = false;  // half made; the same command finishes it
  int64_t elapsed_ms = 0;
};

// Returns when every node agrees, every replica is in sync and every shard has taken a write. Run again after
// an interruption it finishes what is half made of the same nodes. Errors name the node and what to do.
Result<CreateResult> create(Session& session, const CreateOptions& options);

}  // namespace keyway::admin
