// The pods of a sharded cluster as the planner knows them: nodes that are there or not, whom nobody here can
// start or stop, for that is the matter of the StatefulSets and of each pod's own agent. What has to be
// remembered is a text in the cluster's Lease. The agent's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/pods.h"
#include "engine/connection.h"
#include "platform/kubernetes/cluster_lease.h"
#include "platform/platform.h"

namespace keyway::agent {

// What the leader keeps on record; as text "formed=1|s:p1=pod,1|n:pod=p1,id|d:p1=pod".
struct ClusterRecord {
  struct Node {
    std::string shard;
    std::string id;  // may be empty

    bool operator==(const Node&) const = default;
  };
  bool formed = false;
  std::map<std::string, cluster::ShardRecord> shards;
  std::map<std::string, Node> nodes;       // by pod
  std::map<std::string, std::string> met;  // switchovers that were asked for and are done: shard to pod
};
std::string encode(const ClusterRecord& record);
ClusterRecord decode_record(const std::string& text);

class PodPlatform : public platform::Platform {
 public:
  // `partitions`: the desired ones as long as nobody says otherwise; empty: those that have pods. `save` puts
  // a record where the next leader finds it.
  PodPlatform(std::vector<std::string> partitions, std::function<engine::Credentials()> account,
              std::function<Status(const std::string& record)> save);

  // What the operator wants from now on; an empty one: there is none that says anything. Writes down which
  // of its requests are over. Errors: those of `save`.
  Status want(const platform::kubernetes::Wanted& wanted);
  // Before each tick, after want().
  void see(const std::vector<Pod>& pods, int64_t now_ms);
  // At the beginning of a leadership: what the last leader knew.
  void take_over(const std::string& record, int64_t now_ms);
  // For whom a new cluster waits before its slots are shared out, for people; empty: it may begin, as one
  // that was made may always. `replicas`: of each shard, if the operator does not say; `patient`: for every
  // pod, and not only for one of each shard.
  std::string missing(int replicas, bool patient) const;
  // Pods that are not desired and own nothing any more are nobody's matter.
  void note_leaving(const cluster::Observed& observed);
  // Shards that are not desired and own nothing any more, whose pods are there yet.
  std::vector<std::string> drained() const;
  // Whether `text` names a server of a pod that is about to go.
  bool tells_of_leaving(const std::string& text) const;

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
  Account account() override;
  int64_t wall_ms() override;
  int64_t monotonic_ms() override;

 private:
  Status save();
  const std::vector<std::string>& partitions() const;
  bool is_desired(const std::string& shard) const;
  bool is_desired(const std::string& pod, const ClusterRecord::Node& node) const;
  bool is_there(const std::string& pod) const;

  std::vector<std::string> partitions_;
  platform::kubernetes::Wanted wanted_;
  std::function<engine::Credentials()> account_;
  std::function<Status(const std::string&)> save_;
  ClusterRecord record_;
  std::map<std::string, Pod> pods_;         // that are there, by name
  std::map<std::string, int64_t> seen_ms_;  // monotonic; when each node on record was last there
  std::set<std::string> leaving_;           // pods that are not desired and own nothing
};

}  // namespace keyway::agent
