// Sharded mode: which servers are started, in what role, and who takes over from whom. The rule behind it
// all: a server that may have lost data never comes up as the primary of slots of which a better copy may
// exist.
#include <algorithm>

#include "base/format.h"
#include "cluster/planning.h"

namespace keyway::cluster {

namespace {

bool has_copy(const NodeFacts& node) { return node.data == DataOnDisk::kPresent && !node.unloadable; }

// Who is the primary of a shard of which no table is left: whoever was, among those with data on disk; of a
// new one, the first node.
const NodeFacts* first_primary(const ShardView& shard) {
  const NodeFacts* best = shard.nodes.front();
  for (const NodeFacts* node : shard.all()) {
    if (!has_copy(*node)) continue;
    if (!has_copy(*best) || node->name == shard.record.primary) best = node;
  }
  return best;
}

// The one node of a shard without any copy whose loss a person is asked about.
bool speaks_for(const ShardView& shard, const NodeFacts& node) {
  const auto all = shard.all();
  if (std::ranges::any_of(all, [](const NodeFacts* each) { return has_copy(*each); })) return false;
  bool recorded =
      std::ranges::any_of(all, [&](const NodeFacts* each) { return each->name == shard.record.primary; });
  return recorded ? node.name == shard.record.primary : &node == all.front();
}

// Slots are owned before anybody speaks: the table with which all nodes of a new cluster wake up.
std::vector<PeerView> first_table(const Planning& planning) {
  std::vector<PeerView> table;
  uint64_t epoch = 0;
  int index = 0;
  auto shard_count = static_cast<int>(planning.desired.shards.size());
  for (const ShardView& shard : planning.shards) {
    if (shard.desired == nullptr) continue;
    ++epoch;
    const NodeFacts* primary = first_primary(shard);
    for (const NodeFacts* node : shard.all()) {
      PeerView& peer = table.emplace_back();
      peer.id = node->id;
      peer.address = node->address;
      peer.primary = node == primary;
      peer.config_epoch = epoch;
      if (peer.primary) {
        peer.slots = shard.desired->slots.value_or(SlotRanges{even_range(index, shard_count)});
      } else {
        peer.primary_id = primary->id;
      }
    }
    ++index;
  }
  return table;
}

// The table with which `node` starts into a living cluster: what the living know of all nodes on record, at
// the addresses on record; itself as `primary`'s replica, or (null) in the role that it is known to have,
// else as a primary without slots.
std::vector<PeerView> living_table(const Planning& planning, const NodeFacts& node,
                                   const NodeFacts* primary) {
  std::vector<PeerView> table;
  bool listed = false;
  for (const auto& [id, known] : planning.knowledge.nodes()) {
    if (known.facts == nullptr) continue;
    PeerView peer = known.view;
    peer.address = known.facts->address;
    peer.myself = known.facts == &node;
    peer.fail = peer.pfail = peer.noaddr = peer.handshake = false;
    if (peer.myself) listed = true;
    table.push_back(std::move(peer));
  }
  if (!listed) {
    PeerView& self = table.emplace_back();
    self.id = node.id;
    self.address = node.address;
    self.primary = true;
    self.myself = true;
  }
  for (PeerView& peer : table) {
    if (!peer.myself || primary == nullptr) continue;
    peer.primary = false;
    peer.primary_id = effective_id(*primary);
    peer.slots.clear();
    if (const KnownNode* known = planning.knowledge.find(peer.primary_id))
      peer.config_epoch = known->view.config_epoch;
  }
  return table;
}

StartNode start(const Planning& planning, const ShardView& shard, const NodeFacts& node,
                std::vector<PeerView> table) {
  StartNode step;
  step.node = node.name;
  step.config = planning.config_of(shard);
  step.current_epoch = planning.knowledge.current_epoch();
  for (PeerView& peer : table) {
    peer.myself = peer.id == node.id;
    step.current_epoch = std::max(step.current_epoch, peer.config_epoch);
  }
  step.table = std::move(table);
  return step;
}

// It would come back without the data that it had.
bool lost_data(const NodeFacts& node) { return down(node) && is_empty(node); }

// Whether the majority of the primaries that own slots can vote.
bool majority_answers(const Planning& planning) {
  int all = 0;
  int answering = 0;
  for (const auto& [id, known] : planning.knowledge.nodes()) {
    if (!known.view.primary || known.view.slots.empty()) continue;
    ++all;
    if (known.facts != nullptr && known.facts->answering()) ++answering;
  }
  return answering * 2 > all;
}

// The replica that shall take over from the shard's lost primary; null if none can.
const NodeFacts* successor(const Planning& planning, const ShardView& shard) {
  std::string leader = shard.owner_id;
  // Of a shard without slots it is as good to start the primary again, if that can be.
  if (leader.empty() && shard.primary != nullptr && lost_data(*shard.primary))
    leader = effective_id(*shard.primary);
  if (leader.empty()) return nullptr;
  std::vector<const NodeFacts*> copies;
  for (const NodeFacts* node : shard.all()) {
    const PeerView* self = own_view(*node);
    if (node == shard.primary || self == nullptr || self->primary || self->primary_id != leader) continue;
    if (eligible(shard, *node)) copies.push_back(node);
  }
  return freshest_that_kept_up(planning, shard, copies);
}

// Another node of the shard whose copy may be better than what `node` would bring back from disk, though it
// cannot take over now.
const NodeFacts* better_copy_may_return(const Planning& planning, const ShardView& shard,
                                        const NodeFacts& node) {
  if (!shard.record.held_data && !shard.record.loss_accepted) return nullptr;
  bool node_lost = lost_data(node);
  for (const NodeFacts* other : shard.all()) {
    if (other == &node) continue;
    bool hung = other->reach == Reach::kSilent && other->silent_ms >= planning.policy.unresponsive_ms;
    if (hung && !node_lost) continue;
    if (other->running() && (other->reach == Reach::kLoading || other->reach == Reach::kSilent)) return other;
    if (node_lost && other->answering() && other->server.keys > 0) return other;
    if (node_lost && down(*other) && !other->unloadable && other->data == DataOnDisk::kPresent) return other;
  }
  return nullptr;
}

// Servers vote about the same lost primary only once in twice the node timeout, so one that is lost again
// soon after it was replaced cannot be voted upon. It cannot be in the way either: its process is gone, and
// nobody else starts it.
bool vote_is_in_vain(const Planning& planning, const NodeFacts* lost) {
  return lost != nullptr && down(*lost) && lost->down_ms >= planning.policy.vote_ms;
}

void promote(Planning& planning, const ShardView& shard, const NodeFacts& node) {
  std::string lost = shard.primary == nullptr ? "its primary" : shard.primary->name;
  if (shard.record.primary != node.name) {
    planning.add(shard.name, RecordPrimary{shard.name, node.name}, "before it takes over");
  }
  bool by_vote = majority_answers(planning) && !vote_is_in_vain(planning, shard.primary);
  FailoverKind kind = by_vote ? FailoverKind::kForce : FailoverKind::kTakeover;
  planning.add(shard.name, Promote{node.name, shard.primary == nullptr ? "" : shard.primary->name, kind},
               fmt::format("{} is gone and {} has the freshest copy", lost, node.name));
}

// The shard's primary is running and says nothing. Whoever is in the way of a takeover is ended first, so
// that there are never two that take writes; but not while others still hear it.
void fence_silent(Planning& planning, const ShardView& shard, const NodeFacts& primary) {
  if (primary.silent_ms < planning.policy.unresponsive_ms || successor(planning, shard) == nullptr) return;
  if (vouched(planning, shard, primary)) return;
  planning.add(shard.name, StopNode{primary.name, false},
               fmt::format("it has not answered for {} ms and a replica can take over", primary.silent_ms));
}

void start_as_replica(Planning& planning, const ShardView& shard, const NodeFacts& node) {
  if (!planning.may_start(node)) return;
  if (node.unloadable) {
    planning.add(shard.name, SetDataAside{node.name},
                 "its data cannot be loaded; it will copy them from " + shard.primary->name);
    return;
  }
  planning.add(shard.name, start(planning, shard, node, living_table(planning, node, shard.primary)),
               node.process == Process::kNeverStarted ? "it is a new replica" : "it is down");
}

// Somebody else of the shard may have a better copy than the primary, which is down: asks, wakes it or waits.
void turn_to_better_copy(Planning& planning, const ShardView& shard, const NodeFacts& primary,
                         const NodeFacts& other) {
  if (other.answering() && eligible(shard, other)) {
    if (!kept_up(planning, shard, other)) return ask_about_lag(planning, shard, other);
    if (persists(other.applied_config)) {
      planning.add(shard.name, StopNode{other.name},
                   fmt::format("{} lost its data, and {}, which has a copy, does not follow it and cannot "
                               "take over from it",
                               primary.name, other.name));
      return;
    }
  }
  if (!down(other)) {
    planning.wait(fmt::format("{}: {} may have a better copy than {}; it is waited for", shard.name,
                              other.name, primary.name));
  } else if (planning.may_start(other)) {
    // It wakes as the replica of the primary that is down, so that it can be told to take over from it.
    bool known = planning.knowledge.find(effective_id(primary)) != nullptr;
    auto table = known ? living_table(planning, other, &primary) : std::vector<PeerView>{};
    planning.add(shard.name, start(planning, shard, other, std::move(table)),
                 fmt::format("{} lost its data and {} has a copy", primary.name, other.name));
  }
}

// The shard has a primary that is down and no replica that can take over now.
void restart_primary(Planning& planning, const ShardView& shard, const NodeFacts& primary) {
  // All slots are served by others: whatever copies are left here were moved away.
  bool holds_nothing = shard.slots.empty() && shard.owner_id.empty() && planning.knowledge.unowned().empty();
  const NodeFacts* other = holds_nothing ? nullptr : better_copy_may_return(planning, shard, primary);
  if (other != nullptr) return turn_to_better_copy(planning, shard, primary, *other);
  bool held_some = !shard.slots.empty() || !shard.owner_id.empty();
  if (primary.unloadable || (held_some && lost_unasked(shard, primary))) {
    give_up_data(planning, shard, primary);
    return;
  }
  if (!planning.may_start(primary)) return;
  // The table of one whom nobody knows any more, or who took over unheard, counts only while slots have no
  // other owner.
  const KnownNode* known = planning.knowledge.find(effective_id(primary));
  bool unheard = known == nullptr || (!known->view.primary && shard.record.primary == primary.name);
  bool has_its_say = unheard && primary.has_node_table && primary.process != Process::kNeverStarted &&
                     !planning.knowledge.unowned().empty();
  std::vector<PeerView> table;
  if (!has_its_say) table = living_table(planning, primary, nullptr);
  planning.add(
      shard.name, start(planning, shard, primary, std::move(table)),
      primary.process == Process::kNeverStarted ? "it is new" : "it is down and no replica can take over");
}

// Whoever was told to take over, and believes that it did, though the others do not: Redis 7.0 may count the
// votes of an earlier election, whose epoch is lower than the lost primary's.
const NodeFacts* unbelieved(const ShardView& shard) {
  for (const NodeFacts* node : shard.all()) {
    const PeerView* self = own_view(*node);
    bool claims = node != shard.primary && self != nullptr && self->primary && !self->slots.empty();
    if (claims && node->name == shard.record.primary) return node;
  }
  return nullptr;
}

// Tables that were written while roles changed may have left a shard whose nodes all follow each other.
void end_mutual_following(Planning& planning, const ShardView& shard) {
  const NodeFacts* best = nullptr;
  bool waited_for = false;
  for (const NodeFacts* node : shard.all()) {
    const PeerView* self = own_view(*node);
    if (self == nullptr || self->primary || self->primary_id.empty()) return;
    waited_for |= node->server.syncing;
    if (!eligible(shard, *node)) continue;
    if (best == nullptr || fresher(shard, *node, *best)) best = node;
  }
  if (best == nullptr && !waited_for) {
    planning.problem(
        shard.name, shard.all().front()->name,
        fmt::format("all nodes of {} have come back without its data and follow each other; put a "
                    "copy into the folder of one and restart it, or begin empty: keyway recover "
                    "{} --accept-data-loss",
                    shard.name, shard.name));
  }
  if (best == nullptr) return;
  planning.add(
      shard.name, Promote{best->name, "", FailoverKind::kTakeover},
      fmt::format("all nodes of {} are replicas and {} has the freshest copy", shard.name, best->name));
}

void keep_alive(Planning& planning, const ShardView& shard) {
  const NodeFacts* primary = shard.primary;
  bool replaced = primary != nullptr && primary->answering() && !shard.nodes.empty();
  bool leaving_for_good = primary != nullptr && shard.slots.empty() && !replaced &&
                          std::ranges::find(shard.nodes, primary) == shard.nodes.end();
  if (leaving_for_good) return;
  if (primary == nullptr || !primary->running()) {
    if (const NodeFacts* claimant = unbelieved(shard)) {
      std::string from = primary == nullptr ? "" : primary->name;
      planning.add(shard.name, Promote{claimant->name, from, FailoverKind::kTakeover},
                   "it has taken over in an epoch that does not count");
    } else if (const NodeFacts* next = successor(planning, shard)) {
      promote(planning, shard, *next);
    } else if (primary != nullptr && down(*primary)) {
      restart_primary(planning, shard, *primary);
    }
  } else if (primary->reach == Reach::kSilent) {
    fence_silent(planning, shard, *primary);
  } else if (shard.slots.empty()) {
    end_mutual_following(planning, shard);
  }
  if (!shard.primary_answers()) return;
  for (const NodeFacts* node : shard.nodes) {
    if (node != primary && down(*node)) start_as_replica(planning, shard, *node);
  }
}

// All are down. Each wakes with the table that it has; but one whose data is gone lets the others of its
// shard come up first.
void start_cold(Planning& planning) {
  for (const ShardView& shard : planning.shards) {
    for (const NodeFacts* node : shard.all()) {
      if (!down(*node) || !node->has_node_table || !planning.may_start(*node)) continue;
      bool recorded_primary = node->name == shard.record.primary || shard.record.primary.empty();
      // The record and the node's own table may differ about who is the primary: neither comes back empty.
      if ((recorded_primary || lost_data(*node)) &&
          better_copy_may_return(planning, shard, *node) != nullptr) {
        planning.wait(fmt::format("{}: {} waits for the copies of others", shard.name, node->name));
        continue;
      }
      if (node->unloadable || lost_unasked(shard, *node)) {
        if (speaks_for(shard, *node)) give_up_data(planning, shard, *node);
        continue;
      }
      planning.add(shard.name, start(planning, shard, *node, {}), "the cluster is down");
    }
  }
}

bool nobody_ever_started(const Planning& planning) {
  return std::ranges::all_of(planning.observed.nodes,
                             [](const NodeFacts& node) { return node.process == Process::kNeverStarted; });
}

// Nothing answers. Either the cluster is new, or all of it is down, or what runs has not answered yet.
void start_without_knowledge(Planning& planning) {
  if (nobody_ever_started(planning) && !planning.observed.formed) {
    std::vector<PeerView> table = first_table(planning);
    for (const ShardView& shard : planning.shards) {
      for (const NodeFacts* node : shard.nodes) {
        planning.add(shard.name, start(planning, shard, *node, table), "the cluster is new");
      }
    }
    return;
  }
  start_cold(planning);
  bool started = !planning.plan.steps.empty();
  bool running =
      std::ranges::any_of(planning.observed.nodes, [](const NodeFacts& node) { return node.running(); });
  if (started || running) return;
  // No table is left anywhere: the folders were emptied. The identities and the shares on record are all
  // there is.
  std::vector<PeerView> table = first_table(planning);
  for (const ShardView& shard : planning.shards) {
    if (shard.desired == nullptr) continue;
    for (const NodeFacts* node : shard.all()) {
      if (!down(*node) || node->has_node_table || !planning.may_start(*node)) continue;
      if (node->unloadable || lost_unasked(shard, *node)) {
        if (speaks_for(shard, *node)) give_up_data(planning, shard, *node);
        continue;
      }
      planning.add(shard.name, start(planning, shard, *node, table), "no node table is left");
    }
  }
}

}  // namespace

void plan_foreign(Planning& planning) {
  for (const NodeFacts& node : planning.observed.nodes) {
    if (node.process == Process::kForeign) planning.problem(node.shard, node.name, node.note);
    if (node.running() && node.reach == Reach::kDenied) {
      planning.problem(node.shard, node.name,
                       fmt::format("{} refuses Keyway's password; restore the user `admin` as in the "
                                   "cluster's users file, or restart "
                                   "the node",
                                   node.name));
    }
  }
}

void plan_sharded_lives(Planning& planning) {
  if (!planning.knowledge.any()) {
    start_without_knowledge(planning);
    return;
  }
  for (const ShardView& shard : planning.shards) keep_alive(planning, shard);
}

}  // namespace keyway::cluster
