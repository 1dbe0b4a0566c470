#include "cluster/plan.h"

#include <gmock/gmock.h>

#include "cluster/plan_testing.h"

namespace keyway::cluster {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

int steps_of_kind(const Plan& plan, std::string_view what) {
  int found = 0;
  for (const Step& step : plan.steps) found += kind(step.action) == what ? 1 : 0;
  return found;
}

const Step* step_for(const Plan& plan, std::string_view what, std::string_view node) {
  for (const Step& step : plan.steps) {
    if (kind(step.action) == what && node_of(step.action) == node) return &step;
  }
  return nullptr;
}

PlanScene settled(Mode mode, int shards, int replicas) {
  PlanScene scene(mode, shards, replicas);
  EXPECT_GE(scene.settle(), 0) << scene.waiting_text();
  scene.done.clear();
  return scene;
}

void hold_data(PlanScene& scene) {
  for (const DesiredShard& shard : scene.desired.shards) {
    scene.observed.shards[shard.name].held_data = true;
    for (const std::string& name : shard.nodes) {
      scene.node(name).server.keys = 100;
      scene.node(name).server.offset = 5000;
    }
  }
}

TEST(PlanSharded, CreatesAllNodesAtOnceWithTheirSlots) {
  PlanScene scene(Mode::kSharded, 3, 1);
  Plan first = scene.step();
  EXPECT_EQ(steps_of_kind(first, "start_node"), 6);
  EXPECT_EQ(first.steps.size(), 6u);
  EXPECT_EQ(to_string(scene.slots_of("p1-0")), "0-5461");
  EXPECT_EQ(to_string(scene.slots_of("p2-0")), "5462-10922");
  EXPECT_EQ(to_string(scene.slots_of("p3-0")), "10923-16383");
  EXPECT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_TRUE(scene.observed.formed);
}

TEST(PlanSharded, CreatesWithExplicitSlots) {
  Spec spec = default_spec("app", Mode::kSharded, 2, 0);
  spec.partitions[0].slots = SlotRanges{{0, 99}};
  spec.partitions[1].slots = SlotRanges{{100, 16383}};
  PlanScene scene(Mode::kSharded, 2, 0);
  scene.want(spec);
  EXPECT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(to_string(scene.slots_of("p1-0")), "0-99");
}

TEST(PlanSharded, FinishesACreationThatWasInterrupted) {
  PlanScene scene(Mode::kSharded, 3, 1);
  Plan first = scene.next();
  for (size_t i = 0; i < 3; ++i) predict(scene.observed, scene.desired, first.steps[i].action, scene.now_ms);
  EXPECT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(to_string(scene.slots_of("p2-0")), "5462-10922");
}

TEST(PlanSharded, DoesNothingWhenNothingDiffers) {
  PlanScene scene = settled(Mode::kSharded, 3, 2);
  EXPECT_TRUE(scene.next().converged());
}

TEST(PlanSharded, ReplacesADeadPrimaryBeforeItIsStartedAgain) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  scene.kill("p1-0");
  Plan made = scene.next();
  const Step* promote = step_for(made, "promote", "p1-1");
  ASSERT_NE(promote, nullptr) << scene.waiting_text();
  EXPECT_EQ(std::get<Promote>(promote->action).kind, FailoverKind::kForce);
  EXPECT_EQ(step_for(made, "start_node", "p1-0"), nullptr);
  EXPECT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(to_string(scene.slots_of("p1-1")), "0-5461");
  EXPECT_TRUE(scene.slots_of("p1-0").empty());
  EXPECT_EQ(scene.node("p1-0").server.role, Role::kReplica);
}

TEST(PlanSharded, TakesOverWithoutAVoteWhenTheMajorityIsGone) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  scene.kill("p1-0");
  scene.kill("p2-0");
  Plan made = scene.next();
  const Step* promote = step_for(made, "promote", "p1-1");
  ASSERT_NE(promote, nullptr);
  EXPECT_EQ(std::get<Promote>(promote->action).kind, FailoverKind::kTakeover);
}

TEST(PlanSharded, TakesOverWithoutAVoteWhenTheOthersDoNotVote) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  scene.kill("p1-0");
  scene.node("p1-0").down_ms = scene.policy.vote_ms - 1;
  const Plan early = scene.next();
  ASSERT_NE(step_for(early, "promote", "p1-1"), nullptr);
  EXPECT_EQ(std::get<Promote>(step_for(early, "promote", "p1-1")->action).kind, FailoverKind::kForce);
  scene.node("p1-0").down_ms = scene.policy.vote_ms;
  const Plan late = scene.next();
  ASSERT_NE(step_for(late, "promote", "p1-1"), nullptr);
  EXPECT_EQ(std::get<Promote>(step_for(late, "promote", "p1-1")->action).kind, FailoverKind::kTakeover);
}

TEST(PlanSharded, PromotesTheFreshestReplica) {
  PlanScene scene = settled(Mode::kSharded, 3, 2);
  hold_data(scene);
  scene.node("p1-2").server.offset = 6000;
  scene.kill("p1-0");
  EXPECT_NE(step_for(scene.next(), "promote", "p1-2"), nullptr);
}

TEST(PlanSharded, NeverPromotesACopyThatIsNotWhole) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  scene.node("p1-1").server.syncing = true;
  scene.kill("p1-0");
  Plan made = scene.next();
  EXPECT_EQ(steps_of_kind(made, "promote"), 0);
  EXPECT_NE(step_for(made, "start_node", "p1-0"), nullptr) << scene.waiting_text();
}

TEST(PlanSharded, AnEmptiedPrimaryWaitsForAReplicaThatMayHaveACopy) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  scene.kill("p1-0", DataOnDisk::kNone);
  scene.node("p1-1").reach = Reach::kLoading;
  Plan made = scene.next();
  EXPECT_EQ(step_for(made, "start_node", "p1-0"), nullptr);
  EXPECT_THAT(made.waiting, Contains(HasSubstr("better copy")));
}

TEST(PlanSharded, AnEmptiedPrimaryStartsAfterItsReplicaOnACleanSlate) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  for (const char* name : {"p1-0", "p1-1", "p2-0", "p2-1", "p3-0", "p3-1"}) scene.kill(name);
  scene.node("p1-0").data = DataOnDisk::kNone;
  Plan made = scene.next();
  EXPECT_EQ(step_for(made, "start_node", "p1-0"), nullptr);
  EXPECT_NE(step_for(made, "start_node", "p1-1"), nullptr);
  EXPECT_NE(step_for(made, "start_node", "p2-0"), nullptr);
}

TEST(PlanSharded, AsksWhenTheOnlyCopyCannotBeLoaded) {
  PlanScene scene = settled(Mode::kSharded, 3, 0);
  hold_data(scene);
  scene.kill("p1-0");
  scene.node("p1-0").unloadable = true;
  Plan made = scene.next();
  EXPECT_EQ(step_for(made, "start_node", "p1-0"), nullptr);
  EXPECT_EQ(step_for(made, "set_data_aside", "p1-0"), nullptr);
  ASSERT_EQ(made.problems.size(), 1u);
  EXPECT_EQ(made.problems[0].node, "p1-0");
}

TEST(PlanSharded, ADamagedReplicaPutsItsDataAsideAndCopiesAgain) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  scene.kill("p2-1");
  scene.node("p2-1").unloadable = true;
  EXPECT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_TRUE(scene.did("set_data_aside p2-1"));
  EXPECT_TRUE(scene.did("start_node p2-1"));
}

TEST(PlanSharded, ASilentPrimaryIsFencedOnlyWhenNobodyHearsIt) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  scene.node("p1-0").reach = Reach::kSilent;
  scene.node("p1-0").silent_ms = 6000;
  EXPECT_EQ(steps_of_kind(scene.next(), "stop_node"), 0) << "others are linked to it";
  for (NodeFacts& node : scene.observed.nodes) {
    node.server.last_io_ms = 6000;
    for (PeerView& peer : node.server.peers) {
      if (peer.id == scene.node("p1-0").id) peer.pfail = true;
    }
  }
  Plan made = scene.next();
  const Step* stop = step_for(made, "stop_node", "p1-0");
  ASSERT_NE(stop, nullptr);
  EXPECT_FALSE(std::get<StopNode>(stop->action).graceful);
}

TEST(PlanSharded, GrowsAndShrinks) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  scene.resize(5, 1);
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  for (const char* name : {"p1-0", "p2-0", "p3-0", "p4-0", "p5-0"})
    EXPECT_GE(count(scene.slots_of(name)), 3276) << name;
  EXPECT_EQ(scene.node("p5-1").server.role, Role::kReplica);
  scene.resize(3, 1);
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(scene.observed.nodes.size(), 6u);
  for (const char* name : {"p1-0", "p2-0", "p3-0"}) EXPECT_GE(count(scene.slots_of(name)), 5461) << name;
}

// What it takes would raise its config epoch above that of the slots' owner.
TEST(PlanSharded, NoSlotsForAPrimaryThatSomeTakeForTheOwnerOfOthers) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  scene.desired.shards[0].slots = SlotRanges{{0, 5000}};
  scene.desired.shards[1].slots = SlotRanges{{5001, 10922}};
  auto views_of = [&](const std::string& viewer) {
    for (PeerView& peer : scene.node(viewer).server.peers) {
      if (peer.id == scene.node("p2-0").id) return &peer;
    }
    return static_cast<PeerView*>(nullptr);
  };
  PeerView* seen = views_of("p3-1");
  ASSERT_NE(seen, nullptr);
  SlotRanges truth = seen->slots;
  seen->slots.push_back({16383, 16383});
  Plan made = scene.next();
  EXPECT_EQ(step_for(made, "move_slots", "p1-0"), nullptr);
  EXPECT_THAT(scene.waiting_text(), testing::HasSubstr("once all have heard"));
  views_of("p3-1")->slots = truth;
  made = scene.next();
  EXPECT_NE(step_for(made, "move_slots", "p1-0"), nullptr) << scene.waiting_text();
}

TEST(PlanSharded, AShardThatLeavesKeepsItsReplicasUntilItsSlotsAreGone) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  scene.resize(2, 1);
  Plan made = scene.next();
  EXPECT_GE(steps_of_kind(made, "move_slots"), 1);
  EXPECT_EQ(steps_of_kind(made, "stop_node"), 0);
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(scene.observed.nodes.size(), 4u);
}

TEST(PlanSharded, APrimaryThatLeavesOutlivesAReplicaThatIsLoading) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  scene.resize(2, 1);
  for (int looks = 0; looks < 50 && !scene.slots_of("p3-0").empty(); ++looks) scene.step();
  ASSERT_NE(scene.observed.find("p3-1"), nullptr);
  scene.node("p3-1").reach = Reach::kLoading;
  scene.node("p3-1").server = {};
  Plan made = scene.next();
  EXPECT_EQ(step_for(made, "stop_node", "p3-0"), nullptr) << scene.waiting_text();
  EXPECT_NE(step_for(made, "stop_node", "p3-1"), nullptr) << scene.waiting_text();
}

TEST(PlanSharded, ShrinksToOneShard) {
  PlanScene scene = settled(Mode::kSharded, 4, 1);
  hold_data(scene);
  scene.resize(1, 0);
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(scene.observed.nodes.size(), 1u);
  EXPECT_EQ(to_string(scene.slots_of("p1-0")), "0-16383");
}

TEST(PlanSharded, APrimaryThatIsNoLongerWantedHandsOverFirst) {
  PlanScene scene = settled(Mode::kSharded, 3, 2);
  hold_data(scene);
  scene.desired.switchover["p1"] = "p1-2";
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  scene.done.clear();
  scene.resize(3, 1);
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(scene.observed.find("p1-2"), nullptr);
  ASSERT_GE(scene.done.size(), 2u);
  EXPECT_FALSE(scene.slots_of("p1-0").empty() && scene.slots_of("p1-1").empty());
}

TEST(PlanSharded, NobodyIsAskedToTakeOverInAnEpochOfThePast) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  for (NodeFacts& node : scene.observed.nodes) node.server.current_epoch = node.name == "p1-1" ? 8 : 9;
  scene.desired.switchover["p1"] = "p1-1";
  EXPECT_EQ(step_for(scene.next(), "promote", "p1-1"), nullptr);
  EXPECT_NE(scene.waiting_text().find("has heard of the latest failover"), std::string::npos)
      << scene.waiting_text();
  scene.node("p1-1").server.current_epoch = 9;
  EXPECT_NE(step_for(scene.next(), "promote", "p1-1"), nullptr) << scene.waiting_text();
}

TEST(PlanSharded, ALostIdentityIsTakenInAgain) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  NodeFacts& node = scene.node("p2-1");
  std::string old_id = node.id;
  node.server.id = std::string(40, 'f');
  node.server.role = Role::kPrimary;
  node.server.keys = 0;
  PeerView self;
  self.id = node.server.id;
  self.address = node.address;
  self.myself = self.primary = self.linked = true;
  node.server.peers = {self};
  for (NodeFacts& other : scene.observed.nodes) {
    for (PeerView& peer : other.server.peers) {
      if (peer.id == old_id) {
        peer.fail = true;
        peer.linked = false;
      }
    }
  }
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(scene.node("p2-1").id, std::string(40, 'f'));
  EXPECT_EQ(scene.node("p2-1").server.role, Role::kReplica);
  for (const NodeFacts& other : scene.observed.nodes) {
    for (const PeerView& peer : other.server.peers) EXPECT_NE(peer.id, old_id);
  }
}

TEST(PlanSharded, OpenSlotsAreFinishedTowardsThePresentPrimary) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  hold_data(scene);
  scene.node("p1-0").server.open_slots.push_back({7, scene.node("p2-0").id, false});
  Plan made = scene.next();
  const Step* move = step_for(made, "move_slots", "p1-0");
  ASSERT_NE(move, nullptr) << scene.waiting_text();
  EXPECT_EQ(std::get<MoveSlots>(move->action).to, "p2-0");
  EXPECT_EQ(to_string(std::get<MoveSlots>(move->action).slots), "7");
}

TEST(PlanSharded, ARollingRestartTakesOneCopyAtATimeAndThePrimaryLast) {
  PlanScene scene = settled(Mode::kSharded, 2, 1);
  hold_data(scene);
  for (const NodeFacts& node : scene.observed.nodes)
    scene.desired.restart_before_ms[node.name] = scene.now_ms;
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  std::vector<std::string> disruptions;
  for (const std::string& line : scene.done) {
    if (line.starts_with("stop_node") || line.starts_with("promote")) disruptions.push_back(line);
  }
  EXPECT_EQ(disruptions, (std::vector<std::string>{"stop_node p1-1", "promote p1-1", "stop_node p1-0",
                                                   "stop_node p2-1", "promote p2-1", "stop_node p2-0"}));
}

TEST(PlanSharded, ConfigurationIsSetLiveWhereItCanBe) {
  PlanScene scene = settled(Mode::kSharded, 3, 1);
  Spec spec = scene.spec;
  spec.config["maxmemory-policy"] = "allkeys-lru";
  scene.want(spec);
  Plan made = scene.next();
  EXPECT_EQ(steps_of_kind(made, "set_config"), 6);
  EXPECT_EQ(steps_of_kind(made, "stop_node"), 0);
  ASSERT_GE(scene.settle(), 0);
  scene.done.clear();
  spec.config["databases"] = "4";
  scene.want(spec);
  ASSERT_GE(scene.settle(), 0);
  EXPECT_TRUE(scene.did("stop_node p1-0"));
  EXPECT_TRUE(scene.did("promote p1-1"));
}

TEST(PlanSharded, APortHeldByAStrangerIsToldAndDoesNotStopTheRest) {
  PlanScene scene(Mode::kSharded, 3, 1);
  scene.node("p3-1").process = Process::kForeign;
  scene.node("p3-1").note = "port 7005 is held by nginx (pid 12)";
  Plan made = scene.next();
  ASSERT_EQ(made.problems.size(), 1u);
  EXPECT_THAT(made.problems[0].text, HasSubstr("nginx"));
}

TEST(PlanReplicated, CreatesAPrimaryAndItsReplicas) {
  PlanScene scene(Mode::kReplicated, 1, 2);
  Plan first = scene.step();
  EXPECT_EQ(steps_of_kind(first, "start_node"), 3);
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(scene.node("p1-0").server.role, Role::kPrimary);
  EXPECT_EQ(scene.node("p1-2").server.primary_address, scene.node("p1-0").address);
  EXPECT_EQ(scene.observed.shards["p1"].primary, "p1-0");
}

TEST(PlanReplicated, TheRecordIsWrittenBeforeTheReplicaIsPromoted) {
  PlanScene scene = settled(Mode::kReplicated, 1, 2);
  hold_data(scene);
  scene.node("p1-2").server.offset = 9000;
  scene.kill("p1-0");
  Plan made = scene.next();
  ASSERT_GE(made.steps.size(), 2u);
  EXPECT_EQ(kind(made.steps[0].action), "record_primary");
  EXPECT_EQ(kind(made.steps[1].action), "promote");
  EXPECT_EQ(node_of(made.steps[1].action), "p1-2");
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(scene.node("p1-0").server.role, Role::kReplica);
  EXPECT_EQ(scene.node("p1-0").follow_on_disk, "p1-2");
  EXPECT_EQ(scene.node("p1-1").follow_on_disk, "p1-2");
}

TEST(PlanReplicated, AfterAColdStartTheBestCopyWinsOverAnEmptiedPrimary) {
  PlanScene scene = settled(Mode::kReplicated, 1, 1);
  hold_data(scene);
  scene.kill("p1-0", DataOnDisk::kNone);
  scene.kill("p1-1");
  Plan cold = scene.step();
  for (const Step& step : cold.steps) {
    const auto* start = std::get_if<StartNode>(&step.action);
    EXPECT_TRUE(start == nullptr || start->hold) << describe(step.action);
  }
  scene.node("p1-0").server.keys = 0;
  scene.node("p1-0").server.offset = 0;
  scene.node("p1-1").server.keys = 100;
  scene.node("p1-1").server.offset = 5000;
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(scene.node("p1-1").server.role, Role::kPrimary);
  EXPECT_EQ(scene.node("p1-0").server.role, Role::kReplica);
}

TEST(PlanReplicated, ACopyThatHasNotAnsweredYetIsWaitedFor) {
  PlanScene scene = settled(Mode::kReplicated, 1, 1);
  hold_data(scene);
  scene.kill("p1-0");
  scene.kill("p1-1");
  scene.step();
  scene.node("p1-1").reach = Reach::kLoading;
  Plan made = scene.next();
  EXPECT_EQ(steps_of_kind(made, "promote"), 0);
  EXPECT_THAT(made.waiting, Contains(HasSubstr("its copy may be the best")));
}

TEST(PlanReplicated, AHandoverKeepsDiskAndRunTimeAlike) {
  PlanScene scene = settled(Mode::kReplicated, 1, 1);
  hold_data(scene);
  scene.desired.switchover["p1"] = "p1-1";
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(scene.node("p1-1").server.role, Role::kPrimary);
  EXPECT_EQ(scene.node("p1-1").follow_on_disk, "");
  EXPECT_EQ(scene.node("p1-0").follow_on_disk, "p1-1");
  EXPECT_EQ(scene.observed.shards["p1"].primary, "p1-1");
}

TEST(PlanReplicated, ShrinksAndGrowsItsReplicas) {
  PlanScene scene = settled(Mode::kReplicated, 1, 2);
  hold_data(scene);
  scene.resize(1, 0);
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(scene.observed.nodes.size(), 1u);
  scene.resize(1, 3);
  ASSERT_GE(scene.settle(), 0) << scene.waiting_text();
  EXPECT_EQ(scene.observed.nodes.size(), 4u);
}

TEST(Health, IsToldInOneWord) {
  NodeFacts node;
  EXPECT_EQ(health(node, Mode::kSharded), "new");
  node.process = Process::kRunning;
  EXPECT_EQ(health(node, Mode::kSharded), "silent");
  node.reach = Reach::kAnswering;
  EXPECT_EQ(health(node, Mode::kSharded), "cluster down");
  EXPECT_EQ(health(node, Mode::kReplicated), "ok");
}

}  // namespace
}  // namespace keyway::cluster
