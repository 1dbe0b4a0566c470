// The seam between Keyway and the machine, with the model behind it: starting and ending processes, data
// folders, records. Survives the supervisor, as a disk does. Owned by the run; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cluster/plan.h"
#include "cluster/spec.h"
#include "interrupter.h"
#include "platform/platform.h"
#include "world.h"

namespace keyway::simulation {

inline constexpr int64_t kWallStartMs = 1'790'000'000'000;

class ModelPlatform : public platform::Platform {
 public:
  ModelPlatform(World& world, Interrupter& interrupter) : world_(world), interrupter_(interrupter) {}

  // What people ask for.
  void apply(cluster::Spec spec);
  void change_users() { ++users_generation_; }
  void request_restart(const std::string& node);
  void request_switchover(const std::string& shard, const std::string& node);
  // A person has repaired what could not be loaded, and says so; flushes what serves nobody, as the problems
  // ask; and accepts the loss of what is nowhere.
  void repair(const std::vector<cluster::Problem>& problems);
  const cluster::Spec& spec() const { return spec_; }

  // Looks at processes show what was so at the look before.
  bool stale_looks = false;

  // The record of a node; null if there is none.
  struct Node {
    std::string name;
    std::string shard;
    int place = -1;
    std::string id;
    bool started = false;
    int64_t started_ms = 0;
    int failed_starts = 0;
    bool unloadable = false;
    bool began_empty = false;
    cluster::ServerConfig applied_config;
    std::string applied_users;
    std::string follow = "";
    std::string note;
  };
  const Node* find(const std::string& name) const;
  const std::vector<Node>& nodes() const { return nodes_; }
  const cluster::ShardRecord& record(const std::string& shard) { return shards_[shard]; }
  std::string users() const;

  // A process has ended.
  void note_exit(int place, Exit exit);

  cluster::Desired desired() override;
  cluster::Observed look() override;
  Status start(const cluster::StartNode& step) override;
  Status stop(const std::string& node, bool graceful) override;
  Status set_data_aside(const std::string& node, bool table) override;
  Status remove(const std::string& node) override;
  Status persist_follow(const std::string& node, const std::string& follow) override;
  Status persist_config(const std::string& node, const cluster::ServerConfig& complete) override;
  Result<std::vector<resp::Command>> stage_users(const std::string& node) override;
  Status users_applied(const std::string& node) override;
  Status record_primary(const std::string& shard, const std::string& node) override;
  Status record_data(const std::string& shard) override;
  Status record_identity(const std::string& node, const std::string& id) override;
  Status record_formed() override;
  Status clear_switchover(const std::string& shard) override;
  Account account() override { return {"admin", "secret"}; }
  int64_t wall_ms() override { return kWallStartMs + world_.scheduler.now_ms(); }
  int64_t monotonic_ms() override { return world_.scheduler.now_ms(); }

 private:
  bool wanted(const std::string& name) const;
  Node* find_mutable(const std::string& name);
  cluster::NodeFacts facts(const Node& node) const;
  void write_table(Place& place, const cluster::StartNode& step);
  void check_removal(const Node& node);
  bool has_copy(const Node& node) const;

  World& world_;
  Interrupter& interrupter_;
  cluster::Spec spec_;
  int users_generation_ = 1;
  std::vector<Node> nodes_;
  std::map<std::string, cluster::ShardRecord> shards_;
  bool formed_ = false;
  std::map<std::string, int64_t> restart_before_ms_;
  std::map<std::string, std::string> switchover_;
  cluster::Observed last_look_;
};

}  // namespace keyway::simulation
