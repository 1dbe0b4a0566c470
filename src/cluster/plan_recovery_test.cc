// Which copy of a shard's data is trusted after much has gone at once: situations that the simulation found.
#include <gmock/gmock.h>

#include "cluster/plan.h"
#include "cluster/plan_testing.h"

namespace keyway::cluster {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

Scene with_data(Mode mode, int shards, int replicas) {
  Scene scene(mode, shards, replicas);
  EXPECT_GE(scene.settle(), 0) << scene.waiting_text();
  for (const DesiredShard& shard : scene.desired.shards) {
    scene.observed.shards[shard.name].held_data = true;
    for (const std::string& name : shard.nodes) {
      scene.node(name).server.keys = 100;
      scene.node(name).server.offset = 5000;
    }
  }
  scene.done.clear();
  return scene;
}

bool plans(const Plan& plan, std::string_view what, std::string_view node) {
  return std::ranges::any_of(plan.steps, [&](const Step& step) {
    return kind(step.action) == what && node_of(step.action) == node;
  });
}

// A replicated shard of two whose servers have been started as replicas of nobody, so that their copies can
// be compared.
Scene held_pair() {
  Scene scene = with_data(Mode::kReplicated, 1, 1);
  scene.kill("p1-0");
  scene.kill("p1-1");
  scene.step();
  for (const char* name : {"p1-0", "p1-1"}) {
    EXPECT_TRUE(scene.node(name).answering()) << name;
    scene.node(name).server.replid = std::string("history-of-") + name;
  }
  return scene;
}

void give(Scene& scene, const std::string& name, int64_t keys, int64_t offset) {
  scene.node(name).server.keys = keys;
  scene.node(name).server.offset = offset;
}

TEST(PlanRecovery, OfUnrelatedHistoriesTheLongerOneWins) {
  Scene scene = held_pair();
  ASSERT_EQ(scene.observed.shards["p1"].primary, "p1-0");
  give(scene, "p1-0", 10, 900);  // the last primary's file is from before it became the primary
  give(scene, "p1-1", 20, 1000);
  Plan made = scene.next();
  EXPECT_TRUE(plans(made, "promote", "p1-1")) << scene.waiting_text();
}

TEST(PlanRecovery, ACopyWithoutKeysLosesToAnyOther) {
  Scene scene = held_pair();
  give(scene, "p1-0", 0, 6000);
  give(scene, "p1-1", 20, 1000);
  EXPECT_TRUE(plans(scene.next(), "promote", "p1-1")) << scene.waiting_text();
}

TEST(PlanRecovery, OfOneHistoryTheLongerOneWinsThoughItsKeysWereDeleted) {
  Scene scene = held_pair();
  for (const char* name : {"p1-0", "p1-1"}) scene.node(name).server.replid = "one-history";
  give(scene, "p1-0", 0, 6000);
  give(scene, "p1-1", 20, 1000);
  EXPECT_TRUE(plans(scene.next(), "promote", "p1-0")) << scene.waiting_text();
}

TEST(PlanRecovery, AnEmptyCopyWaitsForASilentOneHoweverLong) {
  Scene scene = held_pair();
  give(scene, "p1-0", 0, 0);
  scene.node("p1-1").reach = Reach::kSilent;
  scene.node("p1-1").silent_ms = 60'000;
  Plan made = scene.next();
  EXPECT_FALSE(plans(made, "promote", "p1-0"));
  EXPECT_THAT(made.waiting, Contains(HasSubstr("its copy may be the best")));

  give(scene, "p1-0", 50, 4000);
  EXPECT_TRUE(plans(scene.next(), "promote", "p1-0")) << scene.waiting_text();
}

TEST(PlanRecovery, ACopyThatFailedToStartIsTriedAgainBeforeALesserOneServes) {
  Scene scene = held_pair();
  give(scene, "p1-0", 50, 4000);
  scene.kill("p1-1");
  NodeFacts& failed = scene.node("p1-1");
  failed.failed_starts = 1;
  failed.started_ms = scene.now_ms;
  EXPECT_THAT(scene.next().waiting, Contains(HasSubstr("p1-1 has data on its disk")));

  failed.failed_starts = scene.policy.max_failed_starts;
  EXPECT_TRUE(plans(scene.next(), "promote", "p1-0")) << scene.waiting_text();
  give(scene, "p1-0", 0, 0);
  EXPECT_FALSE(plans(scene.next(), "promote", "p1-0"));
}

TEST(PlanRecovery, ANodeWithoutDataStartsLastWhoeverIsOnRecord) {
  Scene scene = with_data(Mode::kSharded, 1, 1);
  scene.kill("p1-0", DataOnDisk::kNone);  // and by its own table it is the primary
  scene.kill("p1-1");
  scene.observed.shards["p1"].primary = "p1-1";
  Plan made = scene.next();
  EXPECT_FALSE(plans(made, "start_node", "p1-0"));
  EXPECT_TRUE(plans(made, "start_node", "p1-1")) << scene.waiting_text();
}

TEST(PlanRecovery, AMoveToAPrimaryThatSaysFailIsCarriedOnButNotBegun) {
  Scene scene = with_data(Mode::kSharded, 2, 0);
  scene.node("p2-0").server.cluster_ok = false;
  OpenSlot open{100, scene.node("p1-0").id, true};
  scene.node("p2-0").server.open_slots = {open};
  EXPECT_TRUE(plans(scene.next(), "move_slots", "p1-0")) << scene.waiting_text();

  scene.node("p2-0").server.open_slots.clear();
  scene.resize(3, 0);
  EXPECT_FALSE(plans(scene.next(), "move_slots", "p1-0"));
}

TEST(PlanRecovery, OpenSlotsThatAReplicaListsDoNotHoldItBack) {
  Scene scene = with_data(Mode::kSharded, 2, 1);
  scene.node("p2-1").server.open_slots = {OpenSlot{16000, scene.node("p1-0").id, false}};
  scene.resize(2, 0);
  EXPECT_TRUE(plans(scene.next(), "stop_node", "p2-1")) << scene.waiting_text();
}

TEST(PlanRecovery, OfEqualEpochsTheWordThatANodeIsAPrimaryCounts) {
  Scene scene = with_data(Mode::kSharded, 2, 1);
  // p2-1 has taken over, has told p2-0 alone, and is gone again.
  PeerView promoted;
  for (NodeFacts& node : scene.observed.nodes) {
    for (PeerView& peer : node.server.peers) {
      if (peer.id == scene.node("p2-0").id) peer.slots.clear();
      if (peer.id != scene.node("p2-1").id) continue;
      peer.config_epoch = 9;
      peer.primary = node.name == "p2-0" || node.name == "p2-1";
      if (!peer.primary) continue;
      peer.primary_id.clear();
      peer.slots = {{8192, 16383}};
    }
  }
  for (PeerView& peer : scene.node("p2-0").server.peers) {
    if (!peer.myself) continue;
    peer.primary = false;
    peer.primary_id = scene.node("p2-1").id;
  }
  scene.node("p2-0").server.role = Role::kReplica;
  scene.kill("p2-1");
  EXPECT_TRUE(plans(scene.next(), "promote", "p2-0")) << scene.waiting_text();
}

TEST(PlanRecovery, NodesThatAllFollowEachOtherGetAPrimary) {
  Scene scene = with_data(Mode::kSharded, 2, 1);
  for (NodeFacts& node : scene.observed.nodes) {
    for (PeerView& peer : node.server.peers) {
      if (peer.id != scene.node("p2-0").id) continue;
      peer.primary = false;
      peer.primary_id = scene.node("p2-1").id;
      peer.slots.clear();
    }
  }
  scene.node("p2-0").server.role = Role::kReplica;
  give(scene, "p2-1", 100, 6000);
  Plan made = scene.next();
  ASSERT_TRUE(plans(made, "promote", "p2-1")) << scene.waiting_text();
  EXPECT_EQ(std::get<Promote>(made.steps.front().action).kind, FailoverKind::kTakeover);
}

TEST(PlanRecovery, WithoutAnyTableThePrimaryIsOneWithData) {
  Scene scene = with_data(Mode::kSharded, 1, 1);
  scene.kill("p1-0", DataOnDisk::kNone);
  scene.kill("p1-1");
  for (const char* name : {"p1-0", "p1-1"}) scene.node(name).has_node_table = false;
  Plan made = scene.next();
  ASSERT_FALSE(made.steps.empty()) << scene.waiting_text();
  const auto* start = std::get_if<StartNode>(&made.steps.front().action);
  ASSERT_NE(start, nullptr);
  for (const PeerView& peer : start->table) EXPECT_EQ(peer.primary, peer.id == scene.node("p1-1").id);
}

TEST(PlanRecovery, APrimaryWithoutSlotsIsRestartedWithoutAHandover) {
  Scene scene = with_data(Mode::kSharded, 2, 1);
  for (NodeFacts& node : scene.observed.nodes) {
    for (PeerView& peer : node.server.peers) {
      if (peer.id == scene.node("p1-0").id) peer.slots = {{0, 16383}};
      if (peer.id == scene.node("p2-0").id) peer.slots.clear();
    }
  }
  scene.desired.shards[0].slots = SlotRanges{{0, 16383}};
  scene.desired.shards[1].slots = SlotRanges{};
  scene.desired.restart_before_ms["p2-0"] = scene.now_ms;
  EXPECT_TRUE(plans(scene.next(), "stop_node", "p2-0")) << scene.waiting_text();
  scene.desired.restart_before_ms.clear();
  scene.desired.switchover["p2"] = "p2-1";
  EXPECT_FALSE(plans(scene.next(), "promote", "p2-1"));
}

TEST(PlanRecovery, SlotsOfNobodyDoNotWaitForANodeThatIsToGo) {
  Scene scene = with_data(Mode::kSharded, 2, 0);
  scene.resize(1, 0);
  scene.kill("p2-0");
  for (PeerView& peer : scene.node("p1-0").server.peers) {
    if (peer.id == scene.node("p2-0").id) peer.slots.clear();
  }
  EXPECT_TRUE(plans(scene.next(), "add_slots", "p1-0")) << scene.waiting_text();
}

TEST(PlanRecovery, AReplicaTakesOverFromADamagedPrimaryWithoutSlots) {
  Scene scene = with_data(Mode::kSharded, 2, 1);
  for (NodeFacts& node : scene.observed.nodes) {
    for (PeerView& peer : node.server.peers) {
      if (peer.id == scene.node("p1-0").id) peer.slots = {{0, 16383}};
      if (peer.id == scene.node("p2-0").id) peer.slots.clear();
    }
  }
  scene.kill("p2-0");
  EXPECT_TRUE(plans(scene.next(), "start_node", "p2-0")) << "it is as good as its replica";
  scene.node("p2-0").unloadable = true;
  EXPECT_TRUE(plans(scene.next(), "promote", "p2-1")) << scene.waiting_text();
}

TEST(PlanRecovery, AnUnbelievedTakeoverIsGivenAnEpochThatCounts) {
  Scene scene = with_data(Mode::kSharded, 2, 1);
  for (PeerView& peer : scene.node("p2-1").server.peers) {
    if (!peer.myself) continue;
    peer.primary = true;
    peer.primary_id.clear();
    peer.config_epoch = 1;
    peer.slots = {{8192, 16383}};
  }
  scene.node("p2-1").server.role = Role::kPrimary;
  scene.kill("p2-0");
  EXPECT_FALSE(plans(scene.next(), "promote", "p2-1")) << "an old primary that was paused, for all we know";
  scene.observed.shards["p2"].primary = "p2-1";
  Plan made = scene.next();
  ASSERT_TRUE(plans(made, "promote", "p2-1")) << scene.waiting_text();
  EXPECT_FALSE(plans(made, "start_node", "p2-0"));
}

}  // namespace
}  // namespace keyway::cluster
