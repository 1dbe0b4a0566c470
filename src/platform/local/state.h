// What Keyway keeps on record about one local cluster, and its two files: state.json (what must outlive a
// power cut: the spec, ports, identities, shard records, requests) and run.json (what is known of the
// processes; worthless after a reboot, and found again from the processes themselves if lost). A value, owned
// by the platform that holds the cluster's lock; others read it. The formats are told in
// docs/internals/state.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cluster/observed.h"
#include "cluster/spec.h"
#include "platform/local/paths.h"
#include "platform/local/process.h"

namespace keyway::platform::local {

inline constexpr int kStateFormat = 1;

// What is known of a node's server process (run.json).
struct NodeRun {
  ProcessIdentity process;       // of the last start; empty: none on record
  int64_t started_ms = 0;        // wall clock; 0: never started
  int64_t log_offset_bytes = 0;  // size of server.log when it was started
  int failed_starts = 0;
  bool unloadable = false;
  bool began_empty = false;  // there was no data set on its disk when it was started
  cluster::ServerConfig applied_config;
  std::string applied_users;
  std::string note;  // how its last process ended

  bool operator==(const NodeRun&) const = default;
};

struct NodeState {
  std::string name;
  std::string shard;
  uint16_t port = 0;
  std::string id;  // 40 hex digits
  std::string
      follow;  // replicated mode: the node that it follows; empty: it is, or shall start as, the primary
  bool removing = false;  // no longer desired; on record until it is removed
  NodeRun run;

  bool operator==(const NodeState&) const = default;
};

struct ClusterState {
  cluster::Spec spec;
  std::string engine_path;     // the server program
  std::string engine_version;  // "7.0.15"
  std::vector<NodeState> nodes;
  uint16_t proxy_port = 0;  // 0: there is no proxy
  std::map<std::string, cluster::ShardRecord> shards;
  bool formed = false;
  std::map<std::string, int64_t> restart_before_ms;  // as in cluster::Desired
  std::map<std::string, std::string> switchover;

  const NodeState* find(std::string_view node) const;
  NodeState* find(std::string_view node);
};

// The texts of the two files.
std::string encode_state(const ClusterState& state);
std::string encode_run(const ClusterState& state);

// Reads state.json's text; `source` is its path, for errors. kUnsupported: written by a newer Keyway.
// kCorrupt: damaged; the message names the file and says what to do.
Result<ClusterState> decode_state(std::string_view text, const std::string& source);

// Adds run.json's text to `state`. False (and nothing changed) if it is damaged or of another format.
bool decode_run(std::string_view text, ClusterState& state);

// kNotFound: no such cluster. A missing or damaged run.json is no error.
Result<ClusterState> load_state(const ClusterPaths& paths);

// Each writes only if its file would change. save_state is on disk when it returns.
Status save_state(const ClusterPaths& paths, const ClusterState& state);
Status save_run(const ClusterPaths& paths, const ClusterState& state);

}  // namespace keyway::platform::local
