// The server program on this machine: finding it, knowing its version, and asking it whether a configuration
// is good. Blocks for as long as the program takes to answer (bounded). Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "cluster/spec.h"

namespace keyway::platform::local {

struct EngineProgram {
  cluster::EngineKind kind = cluster::EngineKind::kRedis;
  std::string server;   // path of redis-server or valkey-server
  std::string client;   // path of redis-cli or valkey-cli; empty: none found
  std::string version;  // "7.0.15"
  int major = 0;
  int minor = 0;

  // Redis from 7.2 and every Valkey write shard ids into the node table.
  bool has_shard_ids() const {
    return kind == cluster::EngineKind::kValkey || major > 7 || (major == 7 && minor >= 2);
  }
};

// Finds the program by `engine.path` (a program, or a folder that holds it) or by name in $PATH and asks it
// for its version. kNotFound: not installed; names the package. kUnsupported: too old (Redis before 7.0,
// Valkey before 8.0), or another kind than the spec says. kInvalidArgument: the path is no server program.
Result<EngineProgram> find_engine(const cluster::EngineSpec& engine);

// "v=7.0.15" in the output of --version, and which kind printed it. kInvalidArgument: not such an output.
Result<EngineProgram> parse_engine_version(std::string_view output);

}  // namespace keyway::platform::local
