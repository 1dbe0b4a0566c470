// The move of one plan's slots between two primaries, with what goes wrong meanwhile: servers that are gone
// for a while or for good, replicas that take over, a person who has enough. In a thread of its own.
#pragma once

#include "admin/move_board.h"
#include "cluster/ownership.h"
#include "engine/servers.h"

namespace keyway::admin {

class MovePair {
 public:
  // What the plan was made from.
  struct Origin {
    const cluster::Observed& observed;
    const cluster::Knowledge& knowledge;  // the same put together
  };

  // All outlive it; `servers` are this thread's alone.
  MovePair(const Session& session, const Origin& origin, const MoveOptions& options, MoveBoard& board,
           engine::Servers& servers, const PlannedMove& move, bool atomic);

  // Until all is moved, it failed for good, or the board says stop (no error then).
  Status run();

 private:
  const Address& from() const { return observed_->find_id(from_id_)->address; }
  const Address& to() const { return observed_->find_id(to_id_)->address; }
  engine::MoveTask task() const;
  engine::MoveLimits limits() const;
  engine::MoveHooks hooks();
  void learn_node_timeout();
  int64_t patience_ms() const;
  Status wait_until_served();
  Status step();
  Status step_atomically();
  Status step_classic(const cluster::SlotSet& slots);
  Status await_importer();
  Status finish_open_slots(bool& any);
  Status recover(const Error& error);
  Status find_both();
  bool arrived(const cluster::NodeFacts& to);
  Status hand_on_arrived();
  Result<cluster::Observed> look() const;
  Error explain(Error error) const;
  void leave_whole();

  const Session& session_;
  const MoveOptions& options_;
  MoveBoard& board_;
  engine::Servers& servers_;
  const PlannedMove& move_;
  bool atomic_;
  std::vector<Address> seeds_;           // whom to ask for the cluster when a server is gone
  const cluster::Observed* observed_;    // as of the last look
  cluster::Observed later_;              // the last look, if it was this pair's own
  std::vector<std::string> from_shard_;  // ids of the nodes of either shard; the primary's first
  std::vector<std::string> to_shard_;
  std::string from_id_;  // who is the primary of either now
  std::string to_id_;
  cluster::SlotSet left_;
  engine::MoveMemory memory_;
  int64_t node_timeout_ms_ = 15'000;  // the servers' default
  int64_t progress_ms_ = 0;           // when anything was moved last
  int failures_ = 0;                  // since then
  bool told_held_ = false;            // that slots wait for a server that was lost
};

}  // namespace keyway::admin
