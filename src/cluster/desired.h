// What the planner works towards: a spec, spelled out for each shard and node, and what people asked for
// beside it. Values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cluster/slots.h"
#include "cluster/spec.h"

namespace keyway::cluster {

struct DesiredShard {
  std::string name;
  std::vector<std::string> nodes;   // names of its nodes: "p1-0", "p1-1", …; roles are not told by name
  std::optional<SlotRanges> slots;  // explicit; none: balanced
  ServerConfig config;              // what its servers shall run with, beyond what identifies a node
};

struct Desired {
  Mode mode = Mode::kSharded;
  std::vector<DesiredShard> shards;
  std::string users_fingerprint;  // of the users and passwords that every server shall have

  // By how much a replica may be behind that takes over from a lost primary; 0: by any.
  int64_t max_lag_ms = 0;

  // Requests of people, kept until they are met.
  std::map<std::string, int64_t>
      restart_before_ms;  // node: it shall have been started after this wall-clock time
  std::map<std::string, std::string>
      switchover;  // shard: node that shall become its primary ("": the best replica)
};

// `users_fingerprint` is of the users file as the platform holds it.
Desired make_desired(const Spec& spec, std::string users_fingerprint);

// What servers run with unless somebody says otherwise.
ServerConfig default_config(Mode mode);

// Whether servers with it write their data to disk while they run.
bool persists(const ServerConfig& config);

std::string node_name(std::string_view shard, int ordinal);

}  // namespace keyway::cluster
