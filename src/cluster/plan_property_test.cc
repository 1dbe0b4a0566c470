// The planner against its own predictions: whatever happens to a cluster, and wherever a plan is cut off, it
// ends whole within a bound of looks and no shard that had a copy of its data left is without it.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "cluster/plan_testing.h"

namespace keyway::cluster {
namespace {

constexpr int kMaxLooks = 400;

// A scene in which data is followed: what is on each disk, and what a server therefore holds once it runs.
class DataScene : public PlanScene {
 public:
  using PlanScene::PlanScene;

  void fill() {
    for (const DesiredShard& shard : desired.shards) {
      observed.shards[shard.name].held_data = true;
      for (const std::string& name : shard.nodes) {
        if (observed.find(name) == nullptr || !node(name).answering()) continue;
        node(name).server.keys = 100;
        node(name).server.offset = 5000;
      }
    }
  }

  void carry_out(const Step& step) {
    history += fmt::format("  {} ({})\n", describe(step.action), step.reason);
    const auto* stop = std::get_if<StopNode>(&step.action);
    bool leaves_data = stop != nullptr && node(stop->node).server.keys > 0;
    predict(observed, desired, step.action, now_ms);
    if (const auto* clear = std::get_if<ClearSwitchover>(&step.action))
      desired.switchover.erase(clear->shard);
    if (leaves_data) on_disk_.insert(stop->node);
    if (stop != nullptr && !on_disk_.contains(stop->node)) node(stop->node).data = DataOnDisk::kNone;
    if (const auto* aside = std::get_if<SetDataAside>(&step.action)) on_disk_.erase(aside->node);
    if (const auto* removed = std::get_if<RemoveNode>(&step.action)) on_disk_.erase(removed->node);
    if (const auto* start = std::get_if<StartNode>(&step.action)) load(start->node);
    if (std::holds_alternative<MoveSlots>(step.action)) keys_moved = true;
  }

  void lose(const std::string& name, bool data_too) {
    history += fmt::format("{} is lost{}\n", name, data_too ? " with its data" : "");
    if (node(name).answering() && node(name).server.keys > 0) on_disk_.insert(name);
    if (data_too) on_disk_.erase(name);
    kill(name, on_disk_.contains(name) ? DataOnDisk::kPresent : DataOnDisk::kNone);
  }

  // Shards of which some server or some disk still has the data.
  std::set<std::string> shards_with_data() const {
    std::set<std::string> names;
    for (const NodeFacts& facts : observed.nodes) {
      if (facts.answering() ? facts.server.keys > 0 : on_disk_.contains(facts.name))
        names.insert(facts.shard);
    }
    return names;
  }

  // A person gives up what is lost, where the planner asks.
  void answer(const std::vector<Problem>& problems) {
    for (const Problem& problem : problems) {
      if (problem.text.find("--accept-data-loss") == std::string::npos) continue;
      history += fmt::format("the loss of {} is accepted\n", problem.shard);
      observed.shards[problem.shard].held_data = false;
      observed.shards[problem.shard].loss_accepted = true;
      given_up.insert(problem.shard);
    }
  }

  // Looks and steps until nothing is left; a look may be cut off after some of its steps.
  int settle_with_cuts(const std::vector<int>& cuts) {
    for (int look = 0; look < kMaxLooks; ++look) {
      Plan made = next();
      if (made.converged()) return look;
      size_t most = static_cast<size_t>(look) < cuts.size()
                        ? static_cast<size_t>(cuts[static_cast<size_t>(look)])
                        : made.steps.size();
      for (size_t i = 0; i < made.steps.size() && i < most; ++i) carry_out(made.steps[i]);
      if (made.steps.empty()) answer(made.problems);
      now_ms += 1000;
    }
    return -1;
  }

  bool keys_moved = false;         // from then on a shard may rightly be empty
  std::set<std::string> given_up;  // shards
  std::string history;             // what happened, for the report of a failure

 private:
  void load(const std::string& name) {
    NodeFacts& facts = node(name);
    facts.server.keys = on_disk_.contains(name) ? 100 : 0;
    facts.server.offset = on_disk_.contains(name) ? 5000 : 0;
    for (NodeFacts& other : observed.nodes) {
      if (!other.answering()) continue;
      if (follows(facts, other)) copy(other, facts);
      if (facts.server.role == Role::kPrimary && follows(other, facts)) copy(facts, other);
    }
  }

  bool follows(const NodeFacts& replica, const NodeFacts& primary) const {
    if (spec.mode == Mode::kReplicated) return primary.address == replica.server.primary_address;
    const PeerView* self = own_view(replica);
    return self != nullptr && self->primary_id == primary.server.id;
  }

  static void copy(const NodeFacts& from, NodeFacts& to) {
    to.server.keys = from.server.keys;
    to.server.offset = from.server.offset;
  }

  std::set<std::string> on_disk_;
};

std::string any_node(const DataScene& scene) {
  auto at = static_cast<size_t>(*rc::gen::inRange<int>(0, static_cast<int>(scene.observed.nodes.size())));
  return scene.observed.nodes[at].name;
}

void happen(DataScene& scene, Mode mode) {
  switch (*rc::gen::inRange(0, 7)) {
    case 0:
      scene.lose(any_node(scene), false);
      break;
    case 1:
      scene.lose(any_node(scene), true);
      break;
    case 2:
      scene.resize(mode == Mode::kSharded ? *rc::gen::inRange(1, 6) : 1, *rc::gen::inRange(0, 3));
      break;
    case 3:
      scene.desired.restart_before_ms[any_node(scene)] = scene.now_ms;
      break;
    case 4: {
      std::string name = any_node(scene);
      scene.desired.switchover[scene.node(name).shard] = name;
      break;
    }
    case 5:
      scene.desired.users_fingerprint += "x";
      break;
    default:
      for (DesiredShard& shard : scene.desired.shards)
        shard.config["databases"] = std::to_string(*rc::gen::inRange(1, 9));
  }
}

// A switchover to a node that is gone for good, or that the spec no longer wants, is nobody's fault: the
// request is dropped.
void drop_vain_requests(DataScene& scene) {
  std::erase_if(scene.desired.switchover, [&](const auto& request) {
    for (const DesiredShard& shard : scene.desired.shards) {
      for (const std::string& name : shard.nodes) {
        if (name == request.second) return false;
      }
    }
    return true;
  });
}

// `had_data`: shards of which some copy is left; `held_data`: those that have ever held any.
void check_end(DataScene& scene, const std::set<std::string>& had_data,
               const std::set<std::string>& held_data) {
  for (const DesiredShard& shard : scene.desired.shards) {
    const NodeFacts* primary = primary_of(scene.observed, scene.spec.mode, shard.name);
    RC_ASSERT(primary != nullptr && primary->answering());
    if (scene.keys_moved) continue;
    if (had_data.contains(shard.name)) RC_ASSERT(primary->server.keys > 0);
    if (held_data.contains(shard.name))
      RC_ASSERT(primary->server.keys > 0 || scene.given_up.contains(shard.name));
  }
  RC_ASSERT(Knowledge(scene.observed).unowned().empty() || scene.spec.mode == Mode::kReplicated);
  RC_ASSERT(scene.next().converged());
}

void run(Mode mode) {
  int shard_count = mode == Mode::kSharded ? *rc::gen::inRange(1, 5) : 1;
  DataScene scene(mode, shard_count, *rc::gen::inRange(0, 3));
  RC_ASSERT(scene.settle_with_cuts(*rc::gen::container<std::vector<int>>(4, rc::gen::inRange(0, 4))) >= 0);
  scene.fill();
  std::set<std::string> held_data = scene.shards_with_data();
  int events = *rc::gen::inRange(1, 5);
  for (int i = 0; i < events; ++i) {
    happen(scene, mode);
    int looks = *rc::gen::inRange(0, 3);
    for (int look = 0; look < looks; ++look) {
      Plan made = scene.next();
      int most = *rc::gen::inRange(0, 6);
      for (const Step& step : made.steps) {
        if (most-- > 0) scene.carry_out(step);
      }
      scene.now_ms += 1000;
    }
  }
  drop_vain_requests(scene);
  std::set<std::string> had_data = scene.shards_with_data();
  bool settled =
      scene.settle_with_cuts(*rc::gen::container<std::vector<int>>(6, rc::gen::inRange(0, 5))) >= 0;
  RC_LOG() << scene.history << scene.waiting_text();
  RC_ASSERT(settled);
  for (const DesiredShard& shard : scene.desired.shards) {
    if (!scene.observed.shards.contains(shard.name)) held_data.erase(shard.name);  // gone, and made anew
  }
  check_end(scene, had_data, held_data);
}

RC_GTEST_PROP(PlanProperty, AShardedClusterEndsWholeWithItsData, ()) { run(Mode::kSharded); }
RC_GTEST_PROP(PlanProperty, AReplicatedServerEndsWholeWithItsData, ()) { run(Mode::kReplicated); }

RC_GTEST_PROP(PlanProperty, TheOrderOfTheFactsDoesNotMatter, ()) {
  DataScene scene(Mode::kSharded, *rc::gen::inRange(1, 5), *rc::gen::inRange(0, 3));
  RC_ASSERT(scene.settle_with_cuts({}) >= 0);
  scene.fill();
  happen(scene, Mode::kSharded);
  Plan forward = scene.next();
  std::reverse(scene.observed.nodes.begin(), scene.observed.nodes.end());
  Plan backward = scene.next();
  std::multiset<std::string> left;
  std::multiset<std::string> right;
  for (const Step& step : forward.steps) left.insert(std::string(kind(step.action)) + step.shard);
  for (const Step& step : backward.steps) right.insert(std::string(kind(step.action)) + step.shard);
  RC_ASSERT(left == right);
}

}  // namespace
}  // namespace keyway::cluster
