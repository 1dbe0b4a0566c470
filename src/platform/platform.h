// Where servers live: processes on this machine, or pods. The second seam: the simulator has its own.
// Functions return at once (an order was given), except where said; nothing here talks to a server. One
// thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cluster/desired.h"
#include "cluster/observed.h"
#include "cluster/step.h"
#include "resp/command.h"

namespace keyway::platform {

class Platform {
 public:
  virtual ~Platform() = default;

  // What is wanted now: the spec and the requests on record.
  virtual cluster::Desired desired() = 0;

  // Every node that is desired or on record, with what the platform knows (the fields "From the platform" and
  // above), the shard records and `formed`. Server facts are empty.
  virtual cluster::Observed look() = 0;

  virtual Status start(const cluster::StartNode& step) = 0;
  // SIGTERM, or SIGKILL if not graceful.
  virtual Status stop(const std::string& node, bool graceful) = 0;
  virtual Status set_data_aside(const std::string& node, bool table) = 0;
  virtual Status remove(const std::string& node) = 0;

  // Replicated mode: how `node` shall start next, as the replica of `follow` or (empty) as the primary.
  virtual Status persist_follow(const std::string& node, const std::string& follow) = 0;
  // What `node` runs with now, and shall start with next.
  virtual Status persist_config(const std::string& node, const cluster::ServerConfig& complete) = 0;
  // Writes the node's users file; gives the commands that bring its running server to the same. Confirm with
  // users_applied.
  virtual Result<std::vector<resp::Command>> stage_users(const std::string& node) = 0;
  virtual Status users_applied(const std::string& node) = 0;

  // The records. Each is on disk when it returns.
  virtual Status record_primary(const std::string& shard, const std::string& node) = 0;
  virtual Status record_data(const std::string& shard) = 0;
  virtual Status record_identity(const std::string& node, const std::string& id) = 0;
  virtual Status record_formed() = 0;
  virtual Status clear_switchover(const std::string& shard) = 0;

  // The account by which Keyway and the servers speak to servers.
  struct Account {
    std::string user;
    std::string password;
  };
  virtual Account account() = 0;

  virtual int64_t wall_ms() = 0;       // since 1970
  virtual int64_t monotonic_ms() = 0;  // since some moment; never steps
};

}  // namespace keyway::platform
