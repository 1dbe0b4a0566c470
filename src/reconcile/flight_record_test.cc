#include "reconcile/flight_record.h"

#include <gtest/gtest.h>

#include "cluster/plan_testing.h"

namespace keyway::reconcile {
namespace {

using cluster::PlanScene;

Tick tick_of(const PlanScene& scene) {
  Tick tick;
  tick.planned_ms = scene.now_ms;
  tick.desired = scene.desired;
  tick.observed = scene.observed;
  tick.plan = scene.next();
  return tick;
}

FlightRecord through_json(const FlightRecord& record) {
  Result<FlightRecord> read = parse_flight_record(to_json_line(record));
  EXPECT_TRUE(read) << read.error().message;
  return read ? *read : FlightRecord();
}

// Every look of a story: what comes back from the file makes the planner plan the same.
void expect_same_plans(PlanScene& scene) {
  for (int looks = 0; looks < 100; ++looks) {
    FlightRecord written = make_flight_record(tick_of(scene));
    FlightRecord read = through_json(written);
    EXPECT_EQ(read.steps, written.steps);
    EXPECT_EQ(read.waiting, written.waiting);
    EXPECT_EQ(read.problems.size(), written.problems.size());
    EXPECT_EQ(to_json_line(read), to_json_line(written));
    EXPECT_EQ(replay(read, scene.policy), std::vector<std::string>()) << "look " << looks;
    if (scene.step().converged()) return;
  }
  FAIL() << "never settled: " << scene.waiting_text();
}

TEST(FlightRecordTest, AShardedClusterIsMadeGrowsAndLosesAPrimary) {
  PlanScene scene(cluster::Mode::kSharded, 3, 1);
  expect_same_plans(scene);
  scene.resize(5, 2);
  expect_same_plans(scene);
  scene.kill("p2-0");
  expect_same_plans(scene);
  scene.resize(2, 1);
  expect_same_plans(scene);
}

TEST(FlightRecordTest, AReplicatedServerIsMadeAndItsPrimaryHandsOver) {
  PlanScene scene(cluster::Mode::kReplicated, 1, 2);
  expect_same_plans(scene);
  scene.desired.switchover["p1"] = "p1-1";
  expect_same_plans(scene);
  scene.kill("p1-1");
  expect_same_plans(scene);
}

TEST(FlightRecordTest, ExplicitSlotsAndRequestsComeBack) {
  FlightRecord record;
  record.at_ms = 7;
  record.desired.shards = {{"a", {"a-0"}, cluster::SlotRanges{{0, 9}, {20, 20}}, {{"save", "60 1"}}},
                           {"b", {"b-0"}, {}, {}}};
  record.desired.restart_before_ms["a-0"] = 5;
  record.desired.switchover["b"] = "";
  FlightRecord read = through_json(record);
  ASSERT_EQ(read.desired.shards.size(), 2U);
  EXPECT_EQ(read.desired.shards[0].slots, record.desired.shards[0].slots);
  EXPECT_EQ(read.desired.shards[0].config, record.desired.shards[0].config);
  EXPECT_FALSE(read.desired.shards[1].slots);
  EXPECT_EQ(read.desired.restart_before_ms, record.desired.restart_before_ms);
  EXPECT_EQ(read.desired.switchover, record.desired.switchover);
}

TEST(FlightRecordTest, OutcomesComeBackWithTheirErrors) {
  FlightRecord record;
  record.has_facts = false;
  record.outcomes = {{1, {"p1", "promote", "make p1-1 the primary", "p1-0 is gone"}, "refused", ""},
                     {2, {"p2", "move_slots", "move 3 slots", "balance"}, "", "12 keys"}};
  FlightRecord read = through_json(record);
  EXPECT_FALSE(read.has_facts);
  ASSERT_EQ(read.outcomes.size(), 2U);
  EXPECT_EQ(read.outcomes[0].error, "refused");
  EXPECT_EQ(read.outcomes[0].step, record.outcomes[0].step);
  EXPECT_EQ(read.outcomes[1].detail, "12 keys");
}

TEST(FlightRecordTest, AnotherPlanIsADifference) {
  PlanScene scene(cluster::Mode::kSharded, 3, 1);
  FlightRecord record = make_flight_record(tick_of(scene));
  ASSERT_FALSE(record.steps.empty());
  record.steps[0].why = "for another reason";
  EXPECT_EQ(replay(record, scene.policy).size(), 2U);
}

TEST(FlightRecordTest, TextThatIsNoUtf8IsNoObstacle) {
  FlightRecord record;
  record.waiting = {"a server said \xff\xfe"};
  EXPECT_EQ(through_json(record).waiting.size(), 1U);
}

TEST(FlightRecordTest, OtherLinesAreRefused) {
  for (const char* line : {"", "{", "[]", "{}", "42", R"({"format":1})", R"({"format":2,"at_ms":1})",
                           R"({"format":1,"at_ms":1,"observed":{},"desired":{}})",
                           R"({"format":1,"at_ms":"now"})", R"({"format":1,"at_ms":1e300})"}) {
    Result<FlightRecord> read = parse_flight_record(line);
    ASSERT_FALSE(read) << line;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << line;
  }
}

TEST(FlightRecordTest, ALineOfANodeTableThatIsNotThereIsRefused) {
  Result<FlightRecord> read = parse_flight_record(
      R"({"format":1,"at_ms":1,"desired":{"shards":[]},"observed":{"formed":true,"peers":[],"shards":{},)"
      R"("nodes":[{"name":"a","server":{"peers":[3]}}]}})");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
}

TEST(FlightRecordTest, NodeTablesThatAgreeAreKeptOnce) {
  PlanScene scene(cluster::Mode::kSharded, 10, 2);
  ASSERT_GE(scene.settle(), 0);
  std::string line = to_json_line(make_flight_record(tick_of(scene)));
  // 30 tables of 30 lines of over 100 bytes each would be 90,000.
  EXPECT_LT(line.size(), 45'000U);
}

}  // namespace
}  // namespace keyway::reconcile
