#include "agent/reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::agent {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

cluster::NodeFacts server(const std::string& name, const std::string& shard, bool primary, int first,
                          int last, const std::string& primary_id = "") {
  cluster::NodeFacts node;
  node.name = name;
  node.shard = shard;
  node.process = cluster::Process::kRunning;
  node.reach = cluster::Reach::kAnswering;
  node.server.id = "id-" + name;
  node.server.link_up = !primary;
  node.server.role = primary ? cluster::Role::kPrimary : cluster::Role::kReplica;
  cluster::PeerView own;
  own.id = node.server.id;
  own.myself = true;
  own.primary = primary;
  own.primary_id = primary_id;
  if (last >= first) own.slots = {{static_cast<cluster::Slot>(first), static_cast<cluster::Slot>(last)}};
  node.server.peers = {own};
  return node;
}

reconcile::Tick tick_of_two() {
  reconcile::Tick tick;
  tick.observed.formed = true;
  tick.observed.nodes = {server("a-0", "a", true, 0, 9999), server("a-1", "a", false, 1, 0, "id-a-0"),
                         server("a-2", "a", false, 1, 0, "id-a-0"), server("b-0", "b", true, 10000, 16383)};
  tick.observed.nodes[2].server.link_up = false;
  for (const char* name : {"a", "b"}) tick.desired.shards.emplace_back().name = name;
  return tick;
}

reconcile::Outcome outcome(cluster::Action action, Status status = {}) {
  return {1, {std::move(action), "a", "why"}, std::move(status), "detail"};
}

TEST(Reporter, SaysWhoServesWhat) {
  reconcile::Tick tick = tick_of_two();
  Report report = describe_cluster(tick);
  EXPECT_TRUE(report.formed);
  EXPECT_EQ(report.slots_assigned, 16384);
  EXPECT_EQ(report.slots_served, 16384);
  EXPECT_EQ(report.shards.at("a"), (Report::Shard{"a-0", 10000, 1}));
  EXPECT_EQ(report.shards.at("b"), (Report::Shard{"b-0", 6384, 0}));
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.doing, IsEmpty());
}

TEST(Reporter, SaysWhatIsWrong) {
  reconcile::Tick tick = tick_of_two();
  // Known by the others only.
  tick.observed.nodes[3].reach = cluster::Reach::kSilent;
  tick.observed.nodes[3].id = "id-b-0";
  cluster::PeerView other = tick.observed.nodes[3].server.peers[0];
  other.myself = false;
  tick.observed.nodes[0].server.peers.push_back(other);
  tick.plan.problems.push_back({"a", "", "decide"});
  tick.plan.waiting.push_back("b-0 does not answer");
  tick.delayed.push_back("meet: no answer");
  Report report = describe_cluster(tick);
  EXPECT_EQ(report.slots_assigned, 16384);
  EXPECT_EQ(report.slots_served, 10000);
  EXPECT_EQ(report.doing, "b-0 does not answer");
  ASSERT_THAT(report.problems, SizeIs(3));
  EXPECT_EQ(report.problems[0].code, "no_primary");
  EXPECT_EQ(report.problems[0].shard, "b");
  EXPECT_EQ(report.problems[1], (Report::Problem{"needs_decision", "a", "decide"}));
  EXPECT_EQ(report.problems[2].code, "step_fails");
}

TEST(Reporter, CountsOutcomesOnAndOn) {
  Reporter first;
  first.take_over("", 1000);
  first.add("a", "b", Status{}, "c");
  first.add("d", "e", fail(ErrorCode::kTimeout, "late"));
  ASSERT_THAT(first.outcomes(), SizeIs(2));
  EXPECT_EQ(first.outcomes()[0], (Report::Outcome{1, "a", "b", true, "c"}));
  EXPECT_EQ(first.outcomes()[1], (Report::Outcome{2, "d", "e", false, "late"}));
  Report report;
  report.outcomes = first.outcomes();
  Reporter second;
  second.take_over(platform::kubernetes::report_json(report), 2000);
  for (int i = 0; i < 20; ++i) second.add("x", "", Status{});
  EXPECT_THAT(second.outcomes(), SizeIs(platform::kubernetes::kMaxReportOutcomes));
  EXPECT_EQ(second.outcomes().back().n, 22);
  // It is not known how far a report had come that nobody can read; no number is given twice, though.
  Reporter third;
  third.take_over("{", 1'700'000'000'000);
  third.add("y", "", Status{});
  EXPECT_GT(third.outcomes().back().n, 1'700'000'000'000);
}

TEST(Reporter, WhatCannotBeReadChangesNothing) {
  Reporter reporter;
  reporter.take_over("", 0);
  reporter.heed(R"({"generation":3,"partitions":["p1"]})");
  reporter.compose({}, 1000);
  EXPECT_THAT(platform::kubernetes::parse_report(reporter.text())->problems, IsEmpty());
  reporter.heed("what");
  EXPECT_EQ(reporter.wanted().generation, 3);
  reporter.compose({}, 1400);
  EXPECT_THAT(platform::kubernetes::parse_report(reporter.text())->problems, IsEmpty()) << "not yet again";
  reporter.compose({}, 1500);
  Report report = *platform::kubernetes::parse_report(reporter.text());
  ASSERT_THAT(report.problems, SizeIs(1));
  EXPECT_EQ(report.problems[0].code, "wanted_unreadable");
  reporter.heed("");
  EXPECT_EQ(reporter.wanted(), Wanted{});
  reporter.compose({}, 2000);
  EXPECT_THAT(platform::kubernetes::parse_report(reporter.text())->problems, IsEmpty());
}

TEST(Reporter, TellsARepeatedStepOnce) {
  Reporter reporter;
  reconcile::Tick tick;
  cluster::MoveSlots move{"a-0", "b-0", {{0, 1}}};
  tick.plan.steps = {{move, "a", "why"}};
  tick.outcomes = {outcome(move)};
  for (int i = 0; i < 3; ++i) reporter.add(tick);
  EXPECT_THAT(reporter.outcomes(), SizeIs(1));
  tick.outcomes = {outcome(move, fail(ErrorCode::kTimeout, "late"))};
  reporter.add(tick);
  reporter.add(tick);
  EXPECT_THAT(reporter.outcomes(), SizeIs(2));
  EXPECT_FALSE(reporter.outcomes().back().ok);
  // It was over in between.
  reporter.add(reconcile::Tick{});
  reporter.add(tick);
  EXPECT_THAT(reporter.outcomes(), SizeIs(3));
}

TEST(Reporter, LeavesOutWhatIsNobodysBusiness) {
  Reporter reporter;
  reconcile::Tick tick;
  tick.outcomes = {outcome(cluster::RecordFormed{}), outcome(cluster::StopNode{"a-0", true}),
                   outcome(cluster::RecordPrimary{"a", "a-0"}), outcome(cluster::ClearSwitchover{"a"})};
  reporter.add(tick);
  ASSERT_THAT(reporter.outcomes(), SizeIs(1));
  EXPECT_EQ(reporter.outcomes()[0].why, "why");
}

}  // namespace
}  // namespace keyway::agent
