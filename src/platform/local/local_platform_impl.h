// The inside of LocalPlatform, shared by the files that implement it: local_platform.cc (records and
// requests), node_lifecycle.cc (starting, ending and looking at servers) and spec_apply.cc (a changed spec).
// Same thread as LocalPlatform.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "platform/local/local_platform.h"
#include "platform/local/lock.h"
#include "platform/local/watcher.h"

namespace keyway::platform::local {

struct LocalPlatform::Impl {
  // What was last found about the ports of a stopped node.
  struct PortFinding {
    int64_t valid_until_ms = 0;  // monotonic; looking is dear
    std::string note;
  };

  std::string home;
  ClusterPaths paths;
  bool read_only = true;
  std::optional<FileLock> lock;      // not read-only
  std::unique_ptr<Watcher> watcher;  // not read-only
  ClusterState state;
  Users users;
  std::optional<EngineProgram> engine;       // found; empty: look again
  std::optional<cluster::Desired> desired;   // made from state and users; empty: make again
  std::set<std::string> held;                // nodes whose configuration says: a replica of nobody
  std::set<std::string> ending;              // nodes whose servers were told to end
  std::map<std::string, PortFinding> ports;  // by node
  int64_t next_log_check_ms = 0;             // monotonic

  Status writable() const;
  Result<NodeState*> node(const std::string& name);
  Status wanted_shard(const std::string& shard);  // kNotFound: there is none of that name
  NodePaths node_paths(const NodeState& node) const { return paths.node(node.name); }
  Address address_of(const NodeState& node) const { return {state.spec.host, node.port}; }
  const cluster::Desired& wanted();
  Result<EngineProgram> find_engine();
  // Changes the record on disk and then in memory; neither if it cannot be written. Pointers to nodes are
  // void after it.
  Status change(const std::function<void(ClusterState&)>& edit);
  Status record(const std::function<void(ClusterState&)>& edit);  // the same, unless read-only
  Status save_run();                                              // run.json
  void catch_up_run();                                            // the same, if it failed the last time
  bool run_unsaved = false;

  // node_lifecycle.cc
  Status adopt_all();
  void adopt(NodeState& node, const ProcessIdentity& process);
  void note_adopted(const NodeState& node);
  bool running(const NodeState& node) const;
  void refresh(NodeState& node);
  void note_end(NodeState& node);
  cluster::NodeFacts facts_of(NodeState& node);
  std::string who_is_in_the_way(NodeState& node);
  Status write_config(const NodeState& node, const cluster::ServerConfig& config, bool hold,
                      Durability durability) const;
  Status write_files(NodeState& node, const cluster::StartNode& step,
                     const cluster::ServerConfig& config) const;
  Status launch_server(NodeState& node, const cluster::ServerConfig& config);
  void turn_logs();
};

int64_t wall_clock_ms();
int64_t monotonic_clock_ms();

}  // namespace keyway::platform::local
