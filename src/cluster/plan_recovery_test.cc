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

}  // namespace
}  // namespace keyway::cluster
