// Commands that ask or tell every node: info, call, set-timeout.
#pragma once

#include "admin/session.h"

namespace keyway::admin {

enum class Which { kAll, kPrimaries, kReplicas };

struct NodeReply {
  std::string id;
  Address address;
  resp::Reply reply;  // if there is no error
  std::optional<Error> error;
};

// The same command to every node at once. Nodes that cannot be reached are in the answer, with their error.
Result<std::vector<NodeReply>> call(Session& session, const Address& seed, const resp::Command& command,
                                    Which which);

// cluster-node-timeout on every node, also in its configuration file (a server that has none says so: that is
// no failure, `warn` tells of it). 100 ms at least.
Result<std::vector<NodeReply>> set_timeout(Session& session, const Address& seed, int64_t timeout_ms);

struct PrimaryInfo {
  std::string id;
  Address address;
  std::string zone;
  std::string version;
  int slots = 0;
  int64_t keys = 0;
  int64_t memory_bytes = 0;
  int64_t ops_per_s = 0;
  int replicas = 0;
  bool answers = true;
};

struct ClusterInfo {
  std::vector<PrimaryInfo> primaries;
  int64_t keys = 0;
  double keys_a_slot = 0;
};

Result<ClusterInfo> info(Session& session, const Address& seed);

}  // namespace keyway::admin
