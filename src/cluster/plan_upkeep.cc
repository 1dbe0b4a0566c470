// Both modes: what a healthy cluster is asked to become, one careful step at a time: configuration, users,
// restarts, switchovers, and the departure of nodes that are no longer wanted.
#include <algorithm>

#include "base/format.h"
#include "cluster/planning.h"

namespace keyway::cluster {

namespace {

struct ConfigChange {
  ServerConfig live;
  std::string restart_for;  // a parameter that only a restart can change; empty: none
};

ConfigChange config_change(const ServerConfig& now, const ServerConfig& wanted) {
  ConfigChange change;
  for (const auto& [name, value] : wanted) {
    auto at = now.find(name);
    if (at != now.end() && at->second == value) continue;
    if (needs_restart(name)) {
      change.restart_for = name;
    } else {
      change.live[name] = value;
    }
  }
  for (const auto& [name, value] : now) {
    if (!wanted.contains(name))
      change.restart_for = name;  // back to the server's own default, which only it knows
  }
  return change;
}

// Why the node needs a restart; empty: it does not.
std::string restart_reason(const Planning& planning, const ShardView& shard, const NodeFacts& node) {
  auto asked = planning.desired.restart_before_ms.find(node.name);
  if (asked != planning.desired.restart_before_ms.end() && node.started_ms <= asked->second)
    return "a restart was asked for";
  ConfigChange change = config_change(node.applied_config, planning.config_of(shard));
  if (!change.restart_for.empty()) return fmt::format("`{}` changes only with a restart", change.restart_for);
  return {};
}

void configure(Planning& planning, const ShardView& shard) {
  for (const NodeFacts* node : shard.nodes) {
    if (!node->answering()) continue;
    ConfigChange change = config_change(node->applied_config, planning.config_of(shard));
    if (!change.live.empty()) {
      ServerConfig complete = node->applied_config;
      for (const auto& [name, value] : change.live) complete[name] = value;
      planning.add(shard.name, SetConfig{node->name, change.live, complete}, "the spec says so");
    }
    if (node->applied_users != planning.desired.users_fingerprint)
      planning.add(shard.name, ApplyUsers{node->name}, "the users changed");
  }
}

const NodeFacts* best_in_sync(const Planning& planning, const ShardView& shard, bool only_current) {
  const NodeFacts* best = nullptr;
  for (const NodeFacts* node : shard.nodes) {
    if (node == shard.primary || !planning.in_sync(*node, *shard.primary)) continue;
    if (only_current && !restart_reason(planning, shard, *node).empty()) continue;
    if (best == nullptr || node->server.offset > best->server.offset) best = node;
  }
  return best;
}

bool linked_to(const NodeFacts& node, const std::string& id) {
  return node.answering() && std::ranges::any_of(node.server.peers, [&](const PeerView& peer) {
           return peer.id == id && peer.linked && !peer.myself;
         });
}

// A replica asks the primaries for their votes once, and then not again for four node timeouts. Right after
// its start, links are missing: those from it, over which it asks, and those to it, over which they answer.
// Right after another failover it may not have heard of that one's epoch, and nobody votes twice in one
// epoch.
bool hears_voters(const Observed& observed, const NodeFacts& node) {
  int voters = 0;
  int heard = 0;
  for (const PeerView& peer : node.server.peers) {
    if (!peer.primary || peer.slots.empty()) continue;
    ++voters;
    const NodeFacts* voter = observed.find_id(peer.id);
    if (voter == nullptr || voter->server.current_epoch > node.server.current_epoch) continue;
    if (linked_to(node, peer.id) && linked_to(*voter, node.server.id)) ++heard;
  }
  return 2 * heard > voters;
}

// Whether a step was added or is about to be.
bool hand_over(Planning& planning, const ShardView& shard, const NodeFacts& to, const std::string& reason) {
  if (planning.desired.mode == Mode::kSharded && !hears_voters(planning.observed, to)) {
    planning.wait(
        fmt::format("{} takes over {} once it is connected with the primaries and has heard of the latest "
                    "failover",
                    to.name, shard.name));
    return true;
  }
  return planning.add(shard.name, Promote{to.name, shard.primary->name, FailoverKind::kCoordinated}, reason);
}

// Replicas first, then a switchover, then the old primary; never two copies of the shard at once. Says
// whether a step was added.
bool restart_one(Planning& planning, const ShardView& shard) {
  for (const NodeFacts* node : shard.nodes) {
    if (node == shard.primary) continue;
    std::string reason = restart_reason(planning, shard, *node);
    if (!reason.empty()) return planning.add(shard.name, StopNode{node->name, true}, reason);
  }
  std::string reason = restart_reason(planning, shard, *shard.primary);
  if (reason.empty()) return false;
  // Servers hand over slots; a primary without any is just restarted.
  bool has_slots = !planning.sharded() || !shard.slots.empty();
  const NodeFacts* next = has_slots ? best_in_sync(planning, shard, true) : nullptr;
  if (next != nullptr) {
    return hand_over(planning, shard, *next,
                     fmt::format("{} is to be restarted: {}", shard.primary->name, reason));
  }
  return planning.add(
      shard.name, StopNode{shard.primary->name, true},
      reason + (has_slots ? "; it has no replica to hand over to" : "; it has no slots to hand over"));
}

bool wants_restart(const Planning& planning, const ShardView& shard) {
  return std::ranges::any_of(shard.nodes, [&](const NodeFacts* node) {
    return node->answering() && !restart_reason(planning, shard, *node).empty();
  });
}

bool is_open(const ShardView& shard) {
  return std::ranges::any_of(shard.nodes, [](const NodeFacts* node) {
    return node->answering() && !node->server.open_slots.empty();
  });
}

// A node of the shard is on its way back. One that fails to start, or that has been away for long, is not
// waited for.
bool recovering(const Planning& planning, const ShardView& shard) {
  constexpr int64_t patience_ms = 60'000;
  return std::ranges::any_of(shard.nodes, [&](const NodeFacts* node) {
    if (node->failed_starts > 0 || node->process == Process::kForeign) return false;
    bool in_place =
        node == shard.primary || (shard.primary != nullptr && planning.in_sync(*node, *shard.primary));
    return !node->running() || (!in_place && node->started_ms + patience_ms > planning.now_ms);
  });
}

// One shard at a time; a shard that does not become whole does not hold up the others for ever.
void restart(Planning& planning) {
  bool wanted = std::ranges::any_of(planning.shards, [&](const ShardView& shard) {
    return shard.desired != nullptr && wants_restart(planning, shard);
  });
  if (!wanted) return;
  for (const ShardView& shard : planning.shards) {
    if (shard.desired == nullptr || !recovering(planning, shard)) continue;
    planning.wait(fmt::format("restarts go on once {} is whole", shard.name));
    return;
  }
  for (const ShardView& shard : planning.shards) {
    if (shard.desired == nullptr || !wants_restart(planning, shard)) continue;
    if (planning.disrupted(shard.name) || !planning.whole(shard) || is_open(shard)) {
      planning.wait(fmt::format("{} is to be restarted once it is whole", shard.name));
      continue;
    }
    if (restart_one(planning, shard)) return;
  }
}

void switch_over(Planning& planning, const ShardView& shard, const std::string& to_name) {
  const NodeFacts* to = planning.observed.find(to_name);
  if (to == nullptr || to->shard != shard.name || (shard.primary_answers() && shard.primary == to)) {
    planning.add(shard.name, ClearSwitchover{shard.name},
                 to == nullptr ? to_name + " is no more" : to_name + " is the primary");
    return;
  }
  if (!shard.primary_answers() || !planning.in_sync(*to, *shard.primary)) {
    planning.wait(fmt::format("{} takes over {} once it is in sync", to_name, shard.name));
    return;
  }
  if (planning.sharded() && shard.slots.empty()) {
    planning.wait(fmt::format("{} takes over {} once it has slots", to_name, shard.name));
    return;
  }
  hand_over(planning, shard, *to, "a switchover was asked for");
}

bool known_anywhere(const Planning& planning, const std::string& id) {
  return std::ranges::any_of(planning.observed.nodes, [&](const NodeFacts& node) {
    return node.answering() && std::ranges::any_of(node.server.peers, [&](const PeerView& peer) {
             return peer.id == id && !peer.myself;
           });
  });
}

bool about_to_stop(const Planning& planning, const NodeFacts& node) {
  return std::ranges::any_of(planning.plan.steps, [&](const Step& step) {
    const auto* stop = std::get_if<StopNode>(&step.action);
    return stop != nullptr && stop->node == node.name;
  });
}

// One of its shard that runs and does not answer, as while it loads its copy, may follow it as well. Of two
// that follow each other none is held back by that.
bool followed(const Planning& planning, const ShardView& shard, const NodeFacts& node) {
  return std::ranges::any_of(planning.observed.nodes, [&](const NodeFacts& other) {
    bool mute = other.shard == shard.name && shard.primary == &node && other.running() && !other.answering();
    bool follows = planning.follows(other, node) && !planning.follows(node, other);
    return &other != &node && (mute || follows);
  });
}

bool owns_slots(const Planning& planning, const NodeFacts& node) {
  const KnownNode* known = planning.knowledge.find(effective_id(node));
  // Valkey's replicas list the open slots of their primary.
  bool open = node.server.role == Role::kPrimary && !node.server.open_slots.empty();
  return planning.sharded() && ((known != nullptr && !known->view.slots.empty()) || open);
}

// What the servers know together would be known to none: the others would begin from tables of their own.
bool speaks_alone(const Planning& planning, const NodeFacts& node) {
  return planning.sharded() && std::ranges::none_of(planning.observed.nodes, [&](const NodeFacts& other) {
           return &other != &node && other.answering();
         });
}

// `node` is on record and no longer wanted: it hands over what it has, stops, is forgotten, and is removed.
void remove(Planning& planning, const ShardView& shard, const NodeFacts& node) {
  if (node.process == Process::kForeign) return;
  if (planning.sharded() && !planning.knowledge.any()) return;
  if (owns_slots(planning, node) || followed(planning, shard, node)) {
    bool hands_over = shard.primary == &node && shard.desired != nullptr && planning.whole(shard);
    const NodeFacts* next = hands_over ? best_in_sync(planning, shard, false) : nullptr;
    if (next != nullptr) hand_over(planning, shard, *next, node.name + " is to be removed");
    if (next == nullptr)
      planning.wait(fmt::format("{} is removed once it owns no slots and nobody follows it", node.name));
    return;
  }
  if (shard.desired == nullptr && !shard.slots.empty()) {
    planning.wait(fmt::format("{} is removed once {} has given its slots away", node.name, shard.name));
    return;  // until then it is a copy of data that is still there
  }
  bool last_hope = shard.primary == &node && shard.desired != nullptr;
  if (last_hope || (shard.desired != nullptr && !planning.whole(shard))) {
    planning.wait(fmt::format("{} is removed once {} is whole without it", node.name, shard.name));
    return;
  }
  if (node.running()) {
    if (speaks_alone(planning, node)) {
      planning.wait(fmt::format("{} is removed once another server answers", node.name));
      return;
    }
    planning.add(shard.name, StopNode{node.name, true}, "it is no longer wanted");
    return;
  }
  if (planning.sharded() && known_anywhere(planning, node.id)) {
    Forget step{node.id, {}};
    for (const NodeFacts& other : planning.observed.nodes) {
      if (other.answering() && !about_to_stop(planning, other)) step.on.push_back(other.name);
    }
    planning.add(shard.name, std::move(step), fmt::format("{} has left", node.name));
    return;
  }
  planning.add(shard.name, RemoveNode{node.name}, "it is no longer wanted");
}

}  // namespace

void plan_removal(Planning& planning) {
  for (const ShardView& shard : planning.shards) {
    for (const NodeFacts* node : shard.surplus) remove(planning, shard, *node);
  }
}

void plan_upkeep(Planning& planning) {
  for (const ShardView& shard : planning.shards) {
    if (shard.desired != nullptr) configure(planning, shard);
  }
  for (const auto& [shard_name, to] : planning.desired.switchover) {
    for (const ShardView& shard : planning.shards) {
      if (shard.name == shard_name && shard.desired != nullptr && !planning.disrupted(shard_name))
        switch_over(planning, shard, to);
    }
  }
  restart(planning);
}

}  // namespace keyway::cluster
