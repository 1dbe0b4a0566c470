#include "cluster/plan.h"

#include <algorithm>

#include "base/format.h"
#include "cluster/planning.h"

namespace keyway::cluster {

Plan plan(const Desired& desired, const Observed& observed, const Policy& policy, int64_t now_ms) {
  Planning planning(desired, observed, policy, now_ms);
  plan_foreign(planning);
  if (planning.sharded()) {
    plan_sharded_lives(planning);
    plan_sharded_membership(planning);
    plan_slots(planning);
  } else {
    plan_replicated_lives(planning);
  }
  plan_removal(planning);
  plan_upkeep(planning);
  plan_records(planning);
  plan_waiting(planning);
  return std::move(planning.plan);
}

namespace {

bool takes_part(const Planning& planning, const ShardView& shard, const NodeFacts& node) {
  if (&node == shard.primary) {
    return node.answering() && node.server.role == Role::kPrimary &&
           (!planning.sharded() || node.server.cluster_ok);
  }
  return shard.primary_answers() && planning.in_sync(node, *shard.primary) &&
         (!planning.sharded() || node.server.cluster_ok);
}

std::string what_is_missing(const Planning& planning, const ShardView& shard, const NodeFacts& node) {
  if (!node.running()) return node.name + " is not running";
  if (node.reach == Reach::kLoading) return node.name + " is loading its data";
  if (!node.answering()) return fmt::format("{} does not answer", node.name);
  if (&node == shard.primary) {
    if (node.server.role != Role::kPrimary)
      return fmt::format("{} is not yet the primary of {}", node.name, shard.name);
    return fmt::format("{} does not take writes yet", node.name);
  }
  if (!shard.primary_answers()) return fmt::format("{} has no primary", shard.name);
  if (!planning.follows(node, *shard.primary))
    return fmt::format("{} does not follow {} yet", node.name, shard.primary->name);
  if (node.server.syncing)
    return fmt::format("{} is copying its data from {}", node.name, shard.primary->name);
  if (!node.server.link_up) return fmt::format("{} is connecting to {}", node.name, shard.primary->name);
  return fmt::format("{} does not see the whole cluster yet", node.name);
}

// Sharded: each server sees each other one well, and at its place.
void wait_for_views(Planning& planning) {
  for (const NodeFacts& viewer : planning.observed.nodes) {
    if (!viewer.answering()) continue;
    for (const PeerView& peer : viewer.server.peers) {
      const KnownNode* known = planning.knowledge.find(peer.id);
      if (known == nullptr || known->facts == nullptr || !known->facts->answering()) continue;
      if (peer.fail || peer.pfail) {
        planning.wait(fmt::format("{} still takes {} for down", viewer.name, known->facts->name));
        return;
      }
      if (peer.primary != known->view.primary) {
        planning.wait(fmt::format("{} has yet to hear of the role of {}", viewer.name, known->facts->name));
        return;
      }
    }
  }
}

}  // namespace

void plan_records(Planning& planning) {
  bool complete = true;
  for (const ShardView& shard : planning.shards) {
    if (shard.desired == nullptr) continue;
    const NodeFacts* primary = shard.primary;
    bool stands = shard.primary_answers() && primary->server.role == Role::kPrimary;
    bool any_keys = std::ranges::any_of(
        shard.all(), [](const NodeFacts* node) { return node->answering() && node->server.keys > 0; });
    if (stands && shard.record.primary != primary->name && !planning.disrupted(shard.name)) {
      planning.add(shard.name, RecordPrimary{shard.name, primary->name}, "it is the primary now");
    }
    if (any_keys && !shard.record.held_data)
      planning.add(shard.name, RecordData{shard.name}, "keys were seen in it");
    for (const NodeFacts* node : shard.nodes) complete = complete && takes_part(planning, shard, *node);
    complete = complete && shard.desired->nodes.size() == shard.nodes.size();
  }
  if (complete && !planning.observed.formed) planning.add("", RecordFormed{}, "all nodes are up and in sync");
}

void plan_waiting(Planning& planning) {
  for (const ShardView& shard : planning.shards) {
    for (const NodeFacts* node : shard.nodes) {
      if (!takes_part(planning, shard, *node)) planning.wait(what_is_missing(planning, shard, *node));
    }
  }
  if (planning.sharded()) wait_for_views(planning);
}

const NodeFacts* primary_of(const Observed& observed, Mode mode, std::string_view shard_name) {
  Desired desired;
  desired.mode = mode;
  Policy policy;
  Planning planning(desired, observed, policy, 0);
  for (const ShardView& shard : planning.shards) {
    if (shard.name == shard_name) return shard.primary;
  }
  return nullptr;
}

const NodeFacts* best_replica(const Observed& observed, Mode mode, std::string_view shard_name) {
  Desired desired;
  desired.mode = mode;
  Policy policy;
  Planning planning(desired, observed, policy, 0);
  const NodeFacts* best = nullptr;
  for (const ShardView& shard : planning.shards) {
    if (shard.name != shard_name || shard.primary == nullptr) continue;
    for (const NodeFacts* node : shard.all()) {
      if (node == shard.primary || !planning.in_sync(*node, *shard.primary)) continue;
      if (best == nullptr || fresher(shard, *node, *best)) best = node;
    }
  }
  return best;
}

std::string_view health(const NodeFacts& node, Mode mode) {
  switch (node.process) {
    case Process::kNeverStarted:
      return "new";
    case Process::kStopped:
      return node.unloadable ? "damaged" : "down";
    case Process::kForeign:
      return "port taken";
    case Process::kRunning:
      break;
  }
  switch (node.reach) {
    case Reach::kSilent:
      return "silent";
    case Reach::kLoading:
      return "loading";
    case Reach::kDenied:
      return "denied";
    case Reach::kAnswering:
      break;
  }
  if (mode == Mode::kSharded && !node.server.cluster_ok) return "cluster down";
  if (node.server.role == Role::kPrimary) return "ok";
  if (node.server.syncing) return "syncing";
  return node.server.link_up ? "ok" : "disconnected";
}

}  // namespace keyway::cluster
