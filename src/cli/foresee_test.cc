#include "cli/foresee.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cluster/desired.h"

namespace keyway::cli {
namespace {

using testing::Contains;
using testing::Not;

// A replicated server as it stands when all is done: the primary p1-0 and its replicas, all in sync.
struct Standing {
  cluster::Desired desired;
  cluster::Observed observed;

  explicit Standing(int replicas) {
    desired = cluster::make_desired(cluster::default_spec("shop", cluster::Mode::kReplicated, 1, replicas),
                                    "users");
    for (int i = 0; i <= replicas; ++i) observed.nodes.push_back(node(i));
    observed.shards["p1"] = {"p1-0", false};
    observed.formed = true;
  }

  cluster::NodeFacts node(int ordinal) const {
    cluster::NodeFacts facts;
    facts.name = cluster::node_name("p1", ordinal);
    facts.shard = "p1";
    facts.address = {"127.0.0.1", static_cast<uint16_t>(7000 + ordinal)};
    facts.process = cluster::Process::kRunning;
    facts.pid = 100 + ordinal;
    facts.started_ms = 1000;
    facts.reach = cluster::Reach::kAnswering;
    facts.applied_config = desired.shards[0].config;
    facts.applied_users = "users";
    facts.follow_on_disk = ordinal == 0 ? "" : "p1-0";
    facts.server.role = ordinal == 0 ? cluster::Role::kPrimary : cluster::Role::kReplica;
    facts.server.link_up = ordinal != 0;
    facts.server.replid = "r";
    facts.server.offset = 10;
    if (ordinal != 0) facts.server.primary_address = {"127.0.0.1", 7000};
    return facts;
  }
};

std::vector<std::string> kinds(const Foresight& foresight) {
  std::vector<std::string> names;
  for (const ForeseenStep& step : foresight.steps) names.emplace_back(cluster::kind(step.step.action));
  return names;
}

TEST(Foresee, NothingWhereNothingDiffers) {
  Standing standing(1);
  Foresight foresight = foresee(standing.desired, standing.observed, 100'000);
  EXPECT_TRUE(foresight.converged) << (foresight.waiting.empty() ? "" : foresight.waiting[0]);
  EXPECT_TRUE(foresight.steps.empty());
}

TEST(Foresee, ARestartGoesOverThePrimaryToTheEnd) {
  Standing standing(1);
  for (const char* name : {"p1-0", "p1-1"}) standing.desired.restart_before_ms[name] = 50'000;
  Foresight foresight = foresee(standing.desired, standing.observed, 100'000);
  EXPECT_TRUE(foresight.converged) << (foresight.waiting.empty() ? "" : foresight.waiting[0]);
  std::vector<std::string> steps = kinds(foresight);
  EXPECT_EQ(std::ranges::count(steps, "stop_node"), 2);
  EXPECT_EQ(std::ranges::count(steps, "promote"), 1);
  EXPECT_THAT(steps, Not(Contains(testing::StartsWith("record_"))));
  EXPECT_TRUE(std::ranges::is_sorted(foresight.steps, {}, &ForeseenStep::stage));
  EXPECT_EQ(foresight.steps.front().stage, 1);
}

TEST(Foresee, ASwitchoverThatIsMetIsNotAskedForAgain) {
  Standing standing(1);
  standing.desired.switchover["p1"] = "p1-1";
  Foresight foresight = foresee(standing.desired, standing.observed, 100'000);
  EXPECT_TRUE(foresight.converged);
  EXPECT_EQ(std::ranges::count(kinds(foresight), "promote"), 1);
}

}  // namespace
}  // namespace keyway::cli
