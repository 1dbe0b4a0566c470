// For tests of the planner: a cluster as facts, changed by predict() and by hand, and the promises that hold
// at every step.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/format.h"
#include "cluster/ownership.h"
#include "cluster/plan.h"

namespace keyway::cluster {

class PlanScene {
 public:
  PlanScene(Mode mode, int shard_count, int replica_count) {
    spec = default_spec("app", mode, shard_count, replica_count);
    want(spec);
  }

  // Adopts the spec: new nodes come on record as the platform would put them.
  void want(const Spec& wanted) {
    spec = wanted;
    auto requests = desired;
    desired = make_desired(spec, "users-1");
    desired.restart_before_ms = requests.restart_before_ms;
    desired.switchover = requests.switchover;
    for (const DesiredShard& shard : desired.shards) {
      for (const std::string& name : shard.nodes) {
        if (observed.find(name) == nullptr) add_node(shard.name, name);
      }
    }
  }

  void resize(int shard_count, int replica_count) {
    want(default_spec("app", spec.mode, shard_count, replica_count));
  }

  NodeFacts& node(const std::string& name) { return *observed.find(name); }

  // kill -9; what was never saved is gone with the process.
  void kill(const std::string& name, DataOnDisk data = DataOnDisk::kPresent) {
    NodeFacts& facts = node(name);
    facts.process = Process::kStopped;
    facts.reach = Reach::kSilent;
    facts.data = data;
    ServerFacts last;
    last.peers = facts.server.peers;  // stays on its disk
    facts.server = last;
    for (NodeFacts& other : observed.nodes) {
      if (other.server.primary_address == facts.address) other.server.link_up = false;
      const PeerView* self = own_view(other);
      if (self != nullptr && self->primary_id == facts.id) other.server.link_up = false;
    }
  }

  Plan next() const { return plan(desired, observed, policy, now_ms); }

  // One look and all of its steps.
  Plan step() {
    Plan made = next();
    check_promises(made);
    for (const Step& step : made.steps) {
      predict(observed, desired, step.action, now_ms);
      if (const auto* clear = std::get_if<ClearSwitchover>(&step.action))
        desired.switchover.erase(clear->shard);
      done.push_back(std::string(kind(step.action)) + " " + std::string(node_of(step.action)));
    }
    now_ms += 1000;
    return made;
  }

  // Steps until the plan is empty; the number of looks, or -1 if it takes more than `bound`.
  int settle(int bound = 200) {
    for (int looks = 0; looks < bound; ++looks) {
      if (step().converged()) return looks;
    }
    return -1;
  }

  std::string waiting_text() const {
    std::string text;
    Plan made = next();
    for (const Step& step : made.steps) text += describe(step.action) + " (" + step.reason + "); ";
    for (const std::string& line : made.waiting) text += line + "; ";
    for (const Problem& problem : made.problems) text += problem.text + "; ";
    return text;
  }

  SlotRanges slots_of(const std::string& name) {
    Knowledge knowledge(observed);
    const KnownNode* known = knowledge.find(node(name).id);
    return known == nullptr ? SlotRanges{} : known->view.slots;
  }

  bool did(const std::string& what) const {
    for (const std::string& line : done) {
      if (line == what) return true;
    }
    return false;
  }

  Spec spec;
  Desired desired;
  Observed observed;
  Policy policy;
  int64_t now_ms = 1'000'000;
  std::vector<std::string> done;

 private:
  void add_node(const std::string& shard, const std::string& name) {
    NodeFacts facts;
    facts.name = name;
    facts.shard = shard;
    facts.address = {"127.0.0.1", static_cast<uint16_t>(7000 + next_port_++)};
    facts.id = fmt::format("{:040x}", 1000 + next_port_);
    facts.data = DataOnDisk::kNone;
    observed.nodes.push_back(facts);
  }

  void check_promises(const Plan& made) {
    std::map<std::string, int> disruptions;
    for (const Step& step : made.steps) {
      disruptions[step.shard] += disruptive(step.action) ? 1 : 0;
      EXPECT_LE(disruptions[step.shard], 1) << describe(step.action);
      EXPECT_FALSE(step.reason.empty()) << describe(step.action);
      if (const auto* remove = std::get_if<RemoveNode>(&step.action)) {
        EXPECT_FALSE(node(remove->node).running()) << remove->node;
        EXPECT_TRUE(slots_of(remove->node).empty()) << remove->node;
      }
      check_copy_remains(step);
    }
  }

  // A step may not take the last whole copy of a shard's data away while the shard has other copies to keep
  // it up.
  void check_copy_remains(const Step& step) {
    const auto* stop = std::get_if<StopNode>(&step.action);
    if (stop == nullptr || !stop->graceful) return;
    const NodeFacts& going = node(stop->node);
    const NodeFacts* primary = primary_of(observed, spec.mode, going.shard);
    if (primary == nullptr || primary->name != going.name) return;
    for (const NodeFacts& other : observed.nodes) {
      bool replica = other.shard == going.shard && other.name != going.name && other.answering();
      EXPECT_FALSE(replica && other.server.link_up && other.server.role == Role::kReplica)
          << going.name << " is the primary and is stopped though " << other.name << " could take over";
    }
  }

  int next_port_ = 0;
};

}  // namespace keyway::cluster
