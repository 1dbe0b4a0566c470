#include "supervisor/reporter.h"

#include <gtest/gtest.h>

namespace keyway::supervisor {
namespace {

using cluster::NodeFacts;
using cluster::Role;

NodeFacts server(const std::string& name, Role role) {
  NodeFacts node;
  node.name = name;
  node.shard = "p1";
  node.process = cluster::Process::kRunning;
  node.pid = 42;
  node.reach = cluster::Reach::kAnswering;
  node.server.role = role;
  node.server.link_up = role == Role::kReplica;
  return node;
}

class ReporterTest : public testing::Test {
 protected:
  ReporterTest() {
    tick_.desired.mode = cluster::Mode::kReplicated;
    tick_.desired.shards = {{"p1", {"p1-0", "p1-1"}, {}, {}}};
    tick_.observed.nodes = {server("p1-0", Role::kPrimary), server("p1-1", Role::kReplica)};
  }

  NodeFacts& node(const std::string& name) { return *tick_.observed.find(name); }

  void end(const std::string& name) {
    node(name).process = cluster::Process::kStopped;
    node(name).reach = cluster::Reach::kSilent;
    node(name).note = "killed by signal 9 (Killed)";
  }

  void outcome(cluster::Action action, const std::string& reason, Status status = {},
               const std::string& detail = "") {
    tick_.outcomes.push_back({0, {std::move(action), "p1", reason}, std::move(status), detail});
  }

  // Ticks at `now_ms` and gives the new lines.
  std::vector<std::string> tick(int64_t now_ms) {
    const uint64_t before = journal_.last_sequence();
    reporter_.report(tick_, {1'700'000'000'000 + now_ms, now_ms, now_ms});
    tick_.outcomes.clear();
    std::vector<std::string> lines;
    for (const auto& event : journal_.since(before)) lines.push_back(event.level + " " + event.text);
    return lines;
  }

  using Lines = std::vector<std::string>;

  Journal journal_;
  Reporter reporter_{journal_, 0};
  reconcile::Tick tick_;
};

TEST_F(ReporterTest, WholeIsToldOnceWithTheTimeItTook) {
  tick_.plan.waiting = {"p1-1 syncs"};
  EXPECT_EQ(tick(50), Lines{});
  tick_.plan.waiting.clear();
  EXPECT_EQ(tick(2100), Lines{"info cluster is whole: 1 shard, 2 nodes, 2.1 s"});
  EXPECT_EQ(tick(3100), Lines{});
}

TEST_F(ReporterTest, AMissedLookIsNoNews) {
  tick(10);
  tick_.plan.waiting = {"p1-1 does not answer"};
  EXPECT_EQ(tick(1000), Lines{});
  tick_.plan.waiting.clear();
  EXPECT_EQ(tick(1050), Lines{});
}

TEST_F(ReporterTest, StepsAreToldWithReasonAndDetail) {
  outcome(cluster::StartNode{"p1-1", {}, 0, "p1-0", false, {}}, "it is not running");
  outcome(cluster::RecordData{"p1"}, "keys were seen");
  outcome(cluster::MoveSlots{"p1-0", "p2-0", {{0, 99}}}, "balance", {}, "3,210 keys");
  tick_.plan.waiting = {"…"};
  EXPECT_EQ(tick(10), (Lines{"info start p1-1 as a replica of p1-0: it is not running",
                             "info move 100 slots from p1-0 to p2-0: balance (3,210 keys)"}));
}

TEST_F(ReporterTest, LostAndRecoveredNodes) {
  tick(0);
  end("p1-1");
  tick_.plan.waiting = {"…"};
  EXPECT_EQ(tick(1000), Lines{"warning lost p1-1: killed by signal 9 (Killed)"});
  EXPECT_EQ(tick(1050), Lines{});
  node("p1-1") = server("p1-1", Role::kReplica);
  node("p1-1").server.link_up = false;
  EXPECT_EQ(tick(1100), Lines{}) << "it is back when it is in sync";
  node("p1-1").server.link_up = true;
  tick_.plan.waiting.clear();
  EXPECT_EQ(tick(1500), (Lines{"info p1-1 is back as a replica, after 500 ms",
                               "info cluster is whole: 1 shard, 2 nodes, 500 ms"}));
}

TEST_F(ReporterTest, AnOrderedStopIsNoLoss) {
  tick(0);
  outcome(cluster::StopNode{"p1-1", true}, "a restart was asked for");
  tick_.plan.waiting = {"…"};
  EXPECT_EQ(tick(100), Lines{"info stop p1-1: a restart was asked for"});
  end("p1-1");
  EXPECT_EQ(tick(200), Lines{});
}

TEST_F(ReporterTest, ANewPrimaryIsNamed) {
  tick(0);
  end("p1-0");
  tick_.plan.waiting = {"…"};
  tick(100);
  node("p1-1") = server("p1-1", Role::kPrimary);
  EXPECT_EQ(tick(200), Lines{"info p1-1 is now the primary of p1, in place of p1-0"});
  EXPECT_EQ(tick(250), Lines{});
}

TEST_F(ReporterTest, FailuresAreToldOnceAndThenSeldom) {
  tick_.plan.waiting = {"…"};
  int lines = 0;
  for (int64_t now_ms = 0; now_ms < 60'000; now_ms += 50) {
    outcome(cluster::StopNode{"p1-1", true}, "", fail(ErrorCode::kTimeout, "no answer; look at its log"));
    const auto told = tick(now_ms);
    if (now_ms == 0) {
      EXPECT_EQ(told, Lines{"error could not stop p1-1: no answer; look at its log"});
    }
    lines += static_cast<int>(told.size());
  }
  EXPECT_GE(lines, 4);
  EXPECT_LE(lines, 8);
}

TEST_F(ReporterTest, ProblemsAreToldWhenTheyAppear) {
  tick_.plan.problems = {{"p1", "p1-1", "its port is taken by nginx: stop it"}};
  EXPECT_EQ(tick(0), Lines{"error p1-1: its port is taken by nginx: stop it"});
  EXPECT_EQ(tick(50), Lines{});
}

TEST_F(ReporterTest, NodesThatAreGoneAreForgotten) {
  tick(0);
  tick_.observed.nodes.pop_back();
  EXPECT_EQ(tick(100), Lines{});
  tick_.observed.nodes.push_back(server("p1-1", Role::kReplica));
  EXPECT_EQ(tick(200), Lines{});
}

}  // namespace
}  // namespace keyway::supervisor
