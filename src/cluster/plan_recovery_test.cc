// Which copy of a shard's data is trusted after much has gone at once: situations that the simulation found.
#include <gmock/gmock.h>

#include "cluster/plan.h"
#include "cluster/plan_testing.h"

namespace keyway::cluster {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

PlanScene with_data(Mode mode, int shards, int replicas) {
  PlanScene scene(mode, shards, replicas);
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

bool asks(const Plan& plan, const std::string& shard) {
  return std::ranges::any_of(plan.problems, [&](const Problem& problem) {
    return problem.shard == shard &&
           problem.text.find("keyway recover " + shard + " --accept-data-loss") != std::string::npos;
  });
}

void accept_loss(PlanScene& scene, const std::string& shard) {
  scene.observed.shards[shard].held_data = false;
  scene.observed.shards[shard].loss_accepted = true;
}

// A replicated shard of two whose servers have been started as replicas of nobody, so that their copies can
// be compared.
PlanScene held_pair() {
  PlanScene scene = with_data(Mode::kReplicated, 1, 1);
  scene.kill("p1-0");
  scene.kill("p1-1");
  scene.step();
  for (const char* name : {"p1-0", "p1-1"}) {
    EXPECT_TRUE(scene.node(name).answering()) << name;
    scene.node(name).server.replid = std::string("history-of-") + name;
  }
  return scene;
}

void give(PlanScene& scene, const std::string& name, int64_t keys, int64_t offset) {
  scene.node(name).server.keys = keys;
  scene.node(name).server.offset = offset;
}

TEST(PlanRecovery, OfUnrelatedHistoriesTheLongerOneWins) {
  PlanScene scene = held_pair();
  ASSERT_EQ(scene.observed.shards["p1"].primary, "p1-0");
  give(scene, "p1-0", 10, 900);  // the last primary's file is from before it became the primary
  give(scene, "p1-1", 20, 1000);
  Plan made = scene.next();
  EXPECT_TRUE(plans(made, "promote", "p1-1")) << scene.waiting_text();
}

TEST(PlanRecovery, ACopyWithoutKeysLosesToAnyOther) {
  PlanScene scene = held_pair();
  give(scene, "p1-0", 0, 6000);
  give(scene, "p1-1", 20, 1000);
  EXPECT_TRUE(plans(scene.next(), "promote", "p1-1")) << scene.waiting_text();
}

TEST(PlanRecovery, OfOneHistoryTheLongerOneWinsThoughItsKeysWereDeleted) {
  PlanScene scene = held_pair();
  for (const char* name : {"p1-0", "p1-1"}) scene.node(name).server.replid = "one-history";
  give(scene, "p1-0", 0, 6000);
  give(scene, "p1-1", 20, 1000);
  EXPECT_TRUE(plans(scene.next(), "promote", "p1-0")) << scene.waiting_text();
}

TEST(PlanRecovery, AnEmptyCopyWaitsForASilentOneHoweverLong) {
  PlanScene scene = held_pair();
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
  PlanScene scene = held_pair();
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
  PlanScene scene = with_data(Mode::kSharded, 1, 1);
  scene.kill("p1-0", DataOnDisk::kNone);  // and by its own table it is the primary
  scene.kill("p1-1");
  scene.observed.shards["p1"].primary = "p1-1";
  Plan made = scene.next();
  EXPECT_FALSE(plans(made, "start_node", "p1-0"));
  EXPECT_TRUE(plans(made, "start_node", "p1-1")) << scene.waiting_text();
}

TEST(PlanRecovery, AMoveToAPrimaryThatSaysFailIsCarriedOnButNotBegun) {
  PlanScene scene = with_data(Mode::kSharded, 2, 0);
  scene.node("p2-0").server.cluster_ok = false;
  OpenSlot open{100, scene.node("p1-0").id, true};
  scene.node("p2-0").server.open_slots = {open};
  EXPECT_TRUE(plans(scene.next(), "move_slots", "p1-0")) << scene.waiting_text();

  scene.node("p2-0").server.open_slots.clear();
  scene.resize(3, 0);
  EXPECT_FALSE(plans(scene.next(), "move_slots", "p1-0"));
}

TEST(PlanRecovery, OpenSlotsThatAReplicaListsDoNotHoldItBack) {
  PlanScene scene = with_data(Mode::kSharded, 2, 1);
  scene.node("p2-1").server.open_slots = {OpenSlot{16000, scene.node("p1-0").id, false}};
  scene.resize(2, 0);
  EXPECT_TRUE(plans(scene.next(), "stop_node", "p2-1")) << scene.waiting_text();
}

TEST(PlanRecovery, OfEqualEpochsTheWordThatANodeIsAPrimaryCounts) {
  PlanScene scene = with_data(Mode::kSharded, 2, 1);
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

// All slots are p1-0's.
void drain_p2(PlanScene& scene) {
  for (NodeFacts& node : scene.observed.nodes) {
    for (PeerView& peer : node.server.peers) {
      if (peer.id == scene.node("p1-0").id) peer.slots = {{0, 16383}};
      if (peer.id == scene.node("p2-0").id) peer.slots.clear();
    }
  }
}

// p2-0 and p2-1 are replicas of each other.
PlanScene mutual_followers() {
  PlanScene scene = with_data(Mode::kSharded, 2, 1);
  for (NodeFacts& node : scene.observed.nodes) {
    for (PeerView& peer : node.server.peers) {
      if (peer.id != scene.node("p2-0").id) continue;
      peer.primary = false;
      peer.primary_id = scene.node("p2-1").id;
      peer.slots.clear();
    }
  }
  scene.node("p2-0").server.role = Role::kReplica;
  return scene;
}

TEST(PlanRecovery, NodesThatAllFollowEachOtherGetAPrimary) {
  PlanScene scene = mutual_followers();
  give(scene, "p2-1", 100, 6000);
  Plan made = scene.next();
  ASSERT_TRUE(plans(made, "promote", "p2-1")) << scene.waiting_text();
  EXPECT_EQ(std::get<Promote>(made.steps.front().action).kind, FailoverKind::kTakeover);
}

TEST(PlanRecovery, NodesThatAllFollowEachOtherWithoutDataAsk) {
  PlanScene scene = mutual_followers();
  for (const char* name : {"p2-0", "p2-1"}) give(scene, name, 0, 0);
  Plan made = scene.next();
  EXPECT_TRUE(asks(made, "p2")) << scene.waiting_text();
  EXPECT_FALSE(plans(made, "promote", "p2-0") || plans(made, "promote", "p2-1"));
  accept_loss(scene, "p2");
  made = scene.next();
  EXPECT_TRUE(plans(made, "promote", "p2-0") || plans(made, "promote", "p2-1")) << scene.waiting_text();
}

TEST(PlanRecovery, TheOnlyCopyIsWokenAsAReplicaOfTheLostPrimary) {
  PlanScene scene = with_data(Mode::kSharded, 2, 2);
  for (PeerView& peer : scene.node("p1-2").server.peers) {
    if (peer.id == scene.node("p1-2").id) peer.primary_id = scene.node("p1-1").id;  // a replica itself
  }
  give(scene, "p1-1", 0, 0);
  scene.kill("p1-0", DataOnDisk::kNone);
  Plan made = scene.step();
  ASSERT_TRUE(plans(made, "stop_node", "p1-2")) << scene.waiting_text();
  made = scene.step();
  ASSERT_TRUE(plans(made, "start_node", "p1-2")) << scene.waiting_text();
  const auto& start = std::get<StartNode>(made.steps.front().action);
  for (const PeerView& peer : start.table) {
    if (peer.id != scene.node("p1-2").id) continue;
    EXPECT_EQ(peer.primary_id, scene.node("p1-0").id);
  }
}

TEST(PlanRecovery, ADrainedShardWaitsForNoCopy) {
  PlanScene scene = with_data(Mode::kSharded, 2, 1);
  drain_p2(scene);
  scene.kill("p2-0", DataOnDisk::kNone);
  scene.node("p2-1").server.peers.front().primary_id = "nobody's";
  scene.node("p2-1").reach = Reach::kLoading;
  EXPECT_TRUE(plans(scene.next(), "start_node", "p2-0")) << scene.waiting_text();
}

TEST(PlanRecovery, WhoeverTookOverUnheardWakesWithItsOwnTable) {
  PlanScene scene = with_data(Mode::kSharded, 2, 1);
  scene.observed.shards["p2"].primary = "p2-1";
  scene.kill("p2-0", DataOnDisk::kNone);
  scene.kill("p2-1");
  for (NodeFacts& node : scene.observed.nodes) {
    for (PeerView& peer : node.server.peers) {
      if (peer.id == scene.node("p2-0").id) peer.slots.clear();  // as the last who heard of it has it
    }
  }
  Plan made = scene.next();
  ASSERT_TRUE(plans(made, "start_node", "p2-1")) << scene.waiting_text();
  EXPECT_TRUE(std::get<StartNode>(made.steps.front().action).table.empty());
}

TEST(PlanRecovery, WithoutAnyTableThePrimaryIsOneWithData) {
  PlanScene scene = with_data(Mode::kSharded, 1, 1);
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
  PlanScene scene = with_data(Mode::kSharded, 2, 1);
  drain_p2(scene);
  scene.desired.shards[0].slots = SlotRanges{{0, 16383}};
  scene.desired.shards[1].slots = SlotRanges{};
  scene.desired.restart_before_ms["p2-0"] = scene.now_ms;
  EXPECT_TRUE(plans(scene.next(), "stop_node", "p2-0")) << scene.waiting_text();
  scene.desired.restart_before_ms.clear();
  scene.desired.switchover["p2"] = "p2-1";
  EXPECT_FALSE(plans(scene.next(), "promote", "p2-1"));
}

TEST(PlanRecovery, SlotsOfNobodyDoNotWaitForANodeThatIsToGo) {
  PlanScene scene = with_data(Mode::kSharded, 2, 0);
  scene.resize(1, 0);
  scene.kill("p2-0");
  for (PeerView& peer : scene.node("p1-0").server.peers) {
    if (peer.id == scene.node("p2-0").id) peer.slots.clear();
  }
  EXPECT_TRUE(plans(scene.next(), "add_slots", "p1-0")) << scene.waiting_text();
}

TEST(PlanRecovery, AReplicaTakesOverFromADamagedPrimaryWithoutSlots) {
  PlanScene scene = with_data(Mode::kSharded, 2, 1);
  drain_p2(scene);
  scene.kill("p2-0");
  EXPECT_TRUE(plans(scene.next(), "start_node", "p2-0")) << "it is as good as its replica";
  scene.node("p2-0").unloadable = true;
  EXPECT_TRUE(plans(scene.next(), "promote", "p2-1")) << scene.waiting_text();
}

TEST(PlanRecovery, AnUnbelievedTakeoverIsGivenAnEpochThatCounts) {
  PlanScene scene = with_data(Mode::kSharded, 2, 1);
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

TEST(PlanRecovery, AShardThatLostAllAsksAndTheOthersGoOn) {
  for (Mode mode : {Mode::kSharded, Mode::kReplicated}) {
    PlanScene scene = with_data(mode, mode == Mode::kSharded ? 2 : 1, 1);
    scene.kill("p1-0", DataOnDisk::kNone);
    scene.kill("p1-1", DataOnDisk::kNone);
    if (mode == Mode::kSharded) scene.kill("p2-1");
    EXPECT_TRUE(asks(scene.next(), "p1")) << to_string(mode) << scene.waiting_text();
    EXPECT_EQ(scene.settle(20), -1);
    EXPECT_FALSE(scene.node("p1-0").answering() && scene.node("p1-0").server.role == Role::kPrimary);
    if (mode == Mode::kSharded) {
      EXPECT_TRUE(scene.node("p2-1").answering());
    }
    accept_loss(scene, "p1");
    EXPECT_GE(scene.settle(), 0) << to_string(mode) << scene.waiting_text();
  }
}

TEST(PlanRecovery, AShardThatLostAllAsksWhicheverTableIsLeft) {
  for (const char* left : {"p1-0", "p1-1"}) {
    for (const char* recorded : {"p1-0", "p1-1", ""}) {
      PlanScene scene = with_data(Mode::kSharded, 1, 1);
      scene.observed.shards["p1"].primary = recorded;
      for (const char* name : {"p1-0", "p1-1"}) {
        scene.kill(name, DataOnDisk::kNone);
        scene.node(name).has_node_table = std::string_view(name) == left;
      }
      Plan made = scene.next();
      EXPECT_TRUE(asks(made, "p1")) << left << " " << recorded << scene.waiting_text();
      EXPECT_EQ(made.problems.size(), 1U);
      accept_loss(scene, "p1");
      EXPECT_GE(scene.settle(), 0) << left << " " << recorded << scene.waiting_text();
    }
  }
}

TEST(PlanRecovery, WithoutAnyTableTheOnlyCopyServesThoughItsNodeIsToGo) {
  PlanScene scene = with_data(Mode::kSharded, 1, 1);
  scene.kill("p1-0", DataOnDisk::kNone);
  scene.kill("p1-1");
  for (const char* name : {"p1-0", "p1-1"}) scene.node(name).has_node_table = false;
  scene.desired.shards[0].nodes = {"p1-0"};
  Plan made = scene.next();
  EXPECT_TRUE(plans(made, "start_node", "p1-1")) << scene.waiting_text();
  EXPECT_FALSE(asks(made, "p1"));
  EXPECT_FALSE(plans(made, "start_node", "p1-0"));
}

TEST(PlanRecovery, WhatCannotBeLoadedIsPutAsideOnceItsLossIsAccepted) {
  for (Mode mode : {Mode::kSharded, Mode::kReplicated}) {
    PlanScene scene = with_data(mode, 1, 0);
    scene.kill("p1-0");
    scene.node("p1-0").unloadable = true;
    EXPECT_TRUE(asks(scene.next(), "p1")) << to_string(mode) << scene.waiting_text();
    EXPECT_TRUE(scene.next().steps.empty());
    accept_loss(scene, "p1");
    EXPECT_TRUE(plans(scene.next(), "set_data_aside", "p1-0")) << scene.waiting_text();
    EXPECT_GE(scene.settle(), 0) << to_string(mode) << scene.waiting_text();
  }
}

TEST(PlanRecovery, ServersThatKeepNothingComeBackUnasked) {
  PlanScene scene = with_data(Mode::kSharded, 1, 0);
  scene.kill("p1-0", DataOnDisk::kNone);
  scene.node("p1-0").applied_config = {{"save", ""}};
  EXPECT_TRUE(plans(scene.next(), "start_node", "p1-0")) << scene.waiting_text();
}

TEST(PlanRecovery, AnAcceptedLossDoesNotOutweighACopyThatMayReturn) {
  PlanScene scene = with_data(Mode::kSharded, 1, 1);
  scene.kill("p1-0", DataOnDisk::kNone);
  scene.node("p1-1").reach = Reach::kLoading;
  accept_loss(scene, "p1");
  EXPECT_FALSE(plans(scene.next(), "start_node", "p1-0")) << scene.waiting_text();
}

// A primary that is gone for a second, and a replica whose link went before that.
PlanScene safe_and_lost(Mode mode, int64_t link_down_ms, DataOnDisk left) {
  PlanScene scene = with_data(mode, mode == Mode::kSharded ? 3 : 1, 1);
  scene.desired.max_lag_ms = kSafeLagMs;
  scene.kill("p1-0", left);
  scene.node("p1-0").down_ms = 1000;
  scene.node("p1-1").server.link_down_ms = link_down_ms;
  return scene;
}

TEST(PlanRecovery, WhereItIsToBeSafeOnlyAReplicaThatKeptUpTakesOver) {
  for (Mode mode : {Mode::kSharded, Mode::kReplicated}) {
    PlanScene near = safe_and_lost(mode, 2000, DataOnDisk::kPresent);
    EXPECT_TRUE(plans(near.next(), "promote", "p1-1")) << to_string(mode) << near.waiting_text();
    PlanScene far = safe_and_lost(mode, 60'000, DataOnDisk::kPresent);
    EXPECT_FALSE(plans(far.next(), "promote", "p1-1")) << to_string(mode);
    EXPECT_TRUE(plans(far.next(), "start_node", "p1-0")) << to_string(mode) << far.waiting_text();
  }
}

// One had just got its first copy, by which its link was found to be dead: later than the other's, which had
// it all.
TEST(PlanRecovery, TheFreshestOfThoseThatSharedTheStreamTakesOver) {
  for (Mode mode : {Mode::kSharded, Mode::kReplicated}) {
    PlanScene scene = with_data(mode, mode == Mode::kSharded ? 3 : 1, 2);
    scene.desired.max_lag_ms = kSafeLagMs;
    scene.kill("p1-0", DataOnDisk::kPresent);
    for (const std::string name : {"p1-1", "p1-2"}) scene.node(name).server.replid = "history";
    scene.node("p1-1").server.offset = 815'004;
    scene.node("p1-1").server.link_down_ms = 6000;
    scene.node("p1-2").server.offset = 855'540;
    scene.node("p1-2").server.link_down_ms = 7000;
    EXPECT_TRUE(plans(scene.next(), "promote", "p1-2")) << to_string(mode) << scene.waiting_text();
    scene.node("p1-2").server.replid = "another";
    EXPECT_TRUE(plans(scene.next(), "promote", "p1-1")) << to_string(mode) << scene.waiting_text();
  }
}

TEST(PlanRecovery, AReplicaThatDidNotKeepUpIsTheLastResortIfAPersonSaysSo) {
  PlanScene scene = safe_and_lost(Mode::kSharded, 60'000, DataOnDisk::kNone);
  EXPECT_TRUE(asks(scene.next(), "p1")) << scene.waiting_text();
  EXPECT_FALSE(plans(scene.next(), "promote", "p1-1"));
  accept_loss(scene, "p1");
  EXPECT_TRUE(plans(scene.next(), "promote", "p1-1")) << scene.waiting_text();
}

}  // namespace
}  // namespace keyway::cluster
