// Replicated mode: one primary by right. With none that answers, nobody serves until the best copy among all
// that can be had has been found; a server that may have lost data is first started as a replica of nobody
// ("held").
#include <algorithm>

#include "base/format.h"
#include "cluster/planning.h"

namespace keyway::cluster {

namespace {

StartNode start(const Planning& planning, const ShardView& shard, const NodeFacts& node) {
  StartNode step;
  step.node = node.name;
  step.config = planning.config_of(shard);
  return step;
}

// What is so at run time shall be so after a restart by whomever.
void record_follow(Planning& planning, const ShardView& shard, const NodeFacts& node) {
  std::string follow = &node == shard.primary ? "" : shard.primary->name;
  bool so_now = &node == shard.primary || planning.follows(node, *shard.primary);
  if (node.answering() && so_now && node.follow_on_disk != follow) {
    planning.add(shard.name, RecordFollow{node.name, follow}, "so it is now");
  }
}

void follow_primary(Planning& planning, const ShardView& shard) {
  const NodeFacts& primary = *shard.primary;
  for (const NodeFacts* node : shard.all()) {
    record_follow(planning, shard, *node);
    if (node == &primary) continue;
    bool wanted = std::ranges::find(shard.nodes, node) != shard.nodes.end();
    if (down(*node) && wanted && planning.may_start(*node)) {
      if (node->unloadable) {
        planning.add(shard.name, SetDataAside{node->name},
                     "its data cannot be loaded; it will copy them from " + primary.name);
        continue;
      }
      StartNode step = start(planning, shard, *node);
      step.follow = primary.name;
      planning.add(shard.name, std::move(step),
                   node->process == Process::kNeverStarted ? "it is a new replica" : "it is down");
    } else if (node->answering() && !planning.follows(*node, primary)) {
      bool would_lose =
          node->server.role == Role::kPrimary && node->server.keys > 0 && primary.server.keys == 0;
      if (would_lose) {
        planning.problem(shard.name, node->name,
                         fmt::format("{} holds {} keys and {} holds none, and both are primaries; hand over "
                                     "to {} or flush it yourself",
                                     node->name, node->server.keys, primary.name, node->name));
        continue;
      }
      planning.add(shard.name, Follow{node->name, primary.name},
                   fmt::format("{} is the primary", primary.name));
    }
  }
}

// The best of the copies that answer, or null while one that may be better has not answered yet.
const NodeFacts* best_copy(Planning& planning, const ShardView& shard) {
  const NodeFacts* best = nullptr;
  for (const NodeFacts* node : shard.all()) {
    if (node->answering() && !node->server.syncing && (best == nullptr || fresher(shard, *node, *best)))
      best = node;
  }
  bool good = best != nullptr && (best->server.keys > 0 || !shard.record.held_data);
  for (const NodeFacts* node : shard.all()) {
    if (down(*node) && node->data == DataOnDisk::kPresent && !node->unloadable) {
      if (good && node->failed_starts >= planning.policy.max_failed_starts) continue;
      planning.wait(fmt::format("{} has data on its disk and is to start first", node->name));
      return nullptr;
    }
    bool unknown = node->running() && (node->reach == Reach::kLoading || node->reach == Reach::kSilent);
    // A silent process beside a good copy holds nobody up for long; the recorded primary is fenced elsewhere.
    bool hung = node->reach == Reach::kSilent && node->silent_ms >= planning.policy.unresponsive_ms;
    if (!unknown || (hung && good)) continue;
    planning.wait(fmt::format("{} has not answered yet; its copy may be the best", node->name));
    return nullptr;
  }
  return best;
}

void promote(Planning& planning, const ShardView& shard, const NodeFacts& node, const std::string& reason) {
  if (shard.record.primary != node.name)
    planning.add(shard.name, RecordPrimary{shard.name, node.name}, "before it takes over");
  std::string from = shard.primary != nullptr && shard.primary != &node ? shard.primary->name : "";
  planning.add(shard.name, Promote{node.name, from, FailoverKind::kForce}, reason);
}

// The recorded primary has just died and its replicas live: the freshest of them takes over at once.
const NodeFacts* heir(const Planning& planning, const ShardView& shard) {
  std::vector<const NodeFacts*> copies;
  for (const NodeFacts* node : shard.all()) {
    if (node != shard.primary && planning.follows(*node, *shard.primary) && eligible(shard, *node))
      copies.push_back(node);
  }
  return freshest_that_kept_up(planning, shard, copies);
}

bool any_running(const ShardView& shard) {
  return std::ranges::any_of(shard.all(), [](const NodeFacts* node) { return node->running(); });
}

void start_new(Planning& planning, const ShardView& shard) {
  for (const NodeFacts* node : shard.nodes) {
    StartNode step = start(planning, shard, *node);
    if (node != shard.nodes.front()) step.follow = shard.nodes.front()->name;
    planning.add(shard.name, std::move(step), "the cluster is new");
  }
}

// Starts what is down as replicas of nobody, so that all copies can be compared before one serves.
void start_held(Planning& planning, const ShardView& shard) {
  for (const NodeFacts* node : shard.all()) {
    bool ever_ran = node->process == Process::kStopped || !planning.observed.formed;
    if (!down(*node) || !ever_ran || node->unloadable || !planning.may_start(*node)) continue;
    StartNode step = start(planning, shard, *node);
    step.hold = true;
    planning.add(shard.name, std::move(step), "no primary is up; the copies are compared first");
  }
}

// Of a shard that held data, every copy is gone as far as anybody can see.
bool nothing_is_left(const ShardView& shard) {
  return std::ranges::all_of(shard.all(), [&](const NodeFacts* node) {
    bool answers_empty = node->answering() && node->server.keys == 0;
    return (down(*node) || answers_empty) && lost_unasked(shard, *node);
  });
}

void without_primary(Planning& planning, const ShardView& shard) {
  const NodeFacts& recorded = *shard.primary;
  if (recorded.running() && recorded.reach == Reach::kSilent) {
    if (recorded.silent_ms < planning.policy.unresponsive_ms || heir(planning, shard) == nullptr) return;
    if (vouched(planning, shard, recorded)) return;
    planning.add(
        shard.name, StopNode{recorded.name, false},
        fmt::format("it has not answered for {} ms and a replica can take over", recorded.silent_ms));
    return;
  }
  if (recorded.running() && !recorded.answering())
    return;  // loading, or refusing: plan_waiting and plan_foreign tell
  if (!recorded.running()) {
    if (const NodeFacts* next = heir(planning, shard)) {
      promote(planning, shard, *next,
              fmt::format("{} is gone and {} has the freshest copy", recorded.name, next->name));
      return;
    }
  }
  if (nothing_is_left(shard)) {
    give_up_data(planning, shard, recorded);
    return;
  }
  start_held(planning, shard);
  if (!planning.plan.steps.empty()) return;
  if (!any_running(shard)) {
    if (recorded.unloadable) give_up_data(planning, shard, recorded);
    return;
  }
  const NodeFacts* best = best_copy(planning, shard);
  if (best == nullptr) return;
  if (best != &recorded && is_empty(recorded) && !kept_up(planning, shard, *best)) {
    ask_about_lag(planning, shard, *best);
  } else {
    promote(planning, shard, *best, "of all copies it has the best");
  }
}

}  // namespace

void plan_replicated_lives(Planning& planning) {
  for (const ShardView& shard : planning.shards) {
    if (shard.primary == nullptr) continue;
    if (shard.primary->answering() && shard.primary->server.role == Role::kPrimary) {
      follow_primary(planning, shard);
    } else if (std::ranges::all_of(shard.nodes,
                                   [](const NodeFacts* n) { return n->process == Process::kNeverStarted; }) &&
               !planning.observed.formed && shard.surplus.empty()) {
      start_new(planning, shard);
    } else {
      without_primary(planning, shard);
    }
  }
}

}  // namespace keyway::cluster
