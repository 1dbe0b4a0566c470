// The planner's workbench: what its parts share while one plan is made. Internal to the planner; lives for
// one call of plan().
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cluster/ownership.h"
#include "cluster/plan.h"

namespace keyway::cluster {

// A shard as the planner sees it.
struct ShardView {
  std::string name;
  const DesiredShard* desired = nullptr;  // null: the shard is to go
  std::vector<const NodeFacts*> nodes;    // desired ones, in order of their names' ordinals
  std::vector<const NodeFacts*> surplus;  // on record, no longer desired
  const NodeFacts* primary = nullptr;     // whoever is, or by right should be, its primary; may be down
  std::string owner_id;                   // sharded: the id that owns its slots; may be a lost identity
  SlotRanges slots;                       // sharded: of all its nodes together
  ShardRecord record;

  std::vector<const NodeFacts*> all() const;
  bool primary_answers() const { return primary != nullptr && primary->answering(); }
};

class Planning {
 public:
  Planning(const Desired& desired_in, const Observed& observed_in, const Policy& policy_in,
           int64_t now_ms_in);

  // Adds the step unless its shard has a disruptive one already and this would be another. Says whether it
  // was added.
  bool add(const std::string& shard, Action action, std::string reason);
  void wait(std::string text);
  void problem(const std::string& shard, const std::string& node, std::string text);

  bool disrupted(const std::string& shard) const { return disrupted_.contains(shard); }
  bool sharded() const { return desired.mode == Mode::kSharded; }
  ShardView* shard_of(const NodeFacts& node);

  // Whether `replica` follows `primary`, and whether it also has all of its data.
  bool follows(const NodeFacts& replica, const NodeFacts& primary) const;
  bool in_sync(const NodeFacts& replica, const NodeFacts& primary) const;

  // Every desired node of the shard answers and its replicas are in sync: one of them may be taken away for a
  // moment.
  bool whole(const ShardView& shard) const;

  // The desired configuration of a node, empty if it is not desired.
  const ServerConfig& config_of(const ShardView& shard) const;

  // A node that ended right after its start is started again only after a pause that grows with each failure.
  bool may_start(const NodeFacts& node) const;

  const Desired& desired;
  const Observed& observed;
  const Policy& policy;
  const int64_t now_ms;
  const Knowledge knowledge;      // sharded mode
  std::vector<ShardView> shards;  // desired ones in order, then those that are to go
  Plan plan;

 private:
  void collect_shards();
  void find_primary(ShardView& shard);
  const NodeFacts* slot_owner(ShardView& shard);
  const NodeFacts* primary_without_slots(const ShardView& shard) const;
  const NodeFacts* replicated_primary(const ShardView& shard) const;

  std::set<std::string> disrupted_;
};

bool down(const NodeFacts& node);

// No data set is on its disk that could be loaded.
bool is_empty(const NodeFacts& node);

// `node` would begin, or has begun, without any data though its shard held some, servers of its configuration
// keep theirs, and nobody has accepted that they are lost.
bool lost_unasked(const ShardView& shard, const NodeFacts& node);

// No copy is left, and `node`, which is down, would be the primary without any data: asks, as only a person
// can decide that; once it is accepted, makes room for an empty start.
void give_up_data(Planning& planning, const ShardView& shard, const NodeFacts& node);

// Whether a running but silent server is known to live by others: a peer with a link to it, or a replica that
// just heard it.
bool vouched(const Planning& planning, const ShardView& shard, const NodeFacts& node);

// Whether a replica's data is worth promoting: whole, and not an empty copy in a shard that held data.
bool eligible(const ShardView& shard, const NodeFacts& node);

// Whether what `replica` lacks of the shard's lost primary is within what the spec allows to be lost, or a
// person has accepted it.
bool kept_up(const Planning& planning, const ShardView& shard, const NodeFacts& replica);

// Of `copies` of the shard the one that shall take over: the freshest of those that kept up, or a fresher one
// with the same history, whatever is known of its link. Null: none kept up.
const NodeFacts* freshest_that_kept_up(const Planning& planning, const ShardView& shard,
                                       const std::vector<const NodeFacts*>& copies);

// No copy is left but that of `replica`, which has not kept up: asks.
void ask_about_lag(Planning& planning, const ShardView& shard, const NodeFacts& replica);

// The better of two copies: one that is not lost, then the longer one; ties go to the recorded primary, then
// to the first name.
bool fresher(const ShardView& shard, const NodeFacts& left, const NodeFacts& right);

// The parts of the planner, in the order in which they are called.
void plan_foreign(Planning& planning);        // both modes: ports that others hold
void plan_sharded_lives(Planning& planning);  // failovers and starts
void plan_replicated_lives(Planning& planning);
void plan_sharded_membership(Planning& planning);  // meet, identities, roles, forget
void plan_slots(Planning& planning);               // coverage, open slots, moves
void plan_removal(Planning& planning);             // both modes: surplus nodes
void plan_upkeep(Planning& planning);              // both modes: config, users, restarts, switchovers
void plan_records(Planning& planning);             // both modes
void plan_waiting(Planning& planning);             // both modes: what is not yet as it should be

}  // namespace keyway::cluster
