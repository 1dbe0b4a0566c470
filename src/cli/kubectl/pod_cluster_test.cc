#include "cli/kubectl/pod_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/kubectl/change_plan.h"
#include "cli/kubectl/status.h"

namespace keyway::cli {
namespace {

using platform::kubernetes::PodView;
using testing::ElementsAre;
using testing::Pair;

PodView pod(const std::string& name, const std::string& shard, const std::string& role,
            const std::string& kind = "cluster") {
  PodView view;
  view.meta.name = name;
  view.meta.labels = {{kind, "app"}, {"partition", shard}, {"role", "partition-shard"}, {"shard-role", role}};
  view.phase = "Running";
  view.ready = true;
  return view;
}

PodCluster two_shards() {
  return clusters_of({pod("redis-partition-p1-app-0", "p1", "primary"),
                      pod("redis-partition-p1-app-1", "p1", "replica"),
                      pod("redis-partition-p2-app-0", "p2", "primary")})
      .at("app");
}

TEST(PodClusters, AreFoundByTheirPodsLabels) {
  PodCluster cluster = two_shards();
  EXPECT_EQ(cluster.mode, cluster::Mode::kSharded);
  EXPECT_EQ(cluster.suffix, "app");
  EXPECT_EQ(cluster.lease_name("p1"), "redis-app");
  EXPECT_EQ(cluster.label_selector(), "cluster=app,role=partition-shard");
  EXPECT_EQ(cluster.shards.at("p1").primary(), "redis-partition-p1-app-0");
  EXPECT_NE(cluster.pod("redis-partition-p1-app-1"), nullptr);
  EXPECT_EQ(cluster.pod("redis-partition-p1-app-7"), nullptr);
  // Without a name in the names.
  PodCluster bare = clusters_of({pod("redis-partition-index-0", "index", "primary", "server")}).at("app");
  EXPECT_EQ(bare.mode, cluster::Mode::kReplicated);
  EXPECT_EQ(bare.suffix, "");
  EXPECT_EQ(bare.lease_name("index"), "redis-partition-index");
}

TEST(PodClusters, HaveAState) {
  PodCluster cluster = two_shards();
  EXPECT_EQ(state_of(cluster), "ready");
  platform::kubernetes::Report report;
  report.formed = true;
  report.slots_served = 16384;
  report.doing = "moving slots";
  cluster.reports = {report};
  EXPECT_EQ(state_of(cluster), "changing");
  cluster.shards["p1"].pods[1].ready = false;
  EXPECT_EQ(state_of(cluster), "degraded");
  EXPECT_EQ(health_of(cluster.shards["p1"].pods[1]), "not ready");
  cluster.reports[0].slots_served = 8192;
  EXPECT_EQ(state_of(cluster), "down");
  cluster.reports[0].formed = false;
  EXPECT_EQ(state_of(cluster), "creating");
  cluster.reports.clear();
  cluster.shards["p2"].pods[0].meta.labels["shard-role"] = "replica";
  EXPECT_EQ(state_of(cluster), "down");
  EXPECT_EQ(state_of(PodCluster{}), "creating");
}

TEST(PodClusters, UsersAreThoseOfTheAclFile) {
  EXPECT_THAT(users_in("user default on +@all ~* >secret &*\r\nuser reader on #abc ~*\n# user no >p\n"),
              ElementsAre(Pair("default", "secret"), Pair("reader", "")));
}

cluster::Spec spec(int shards, const std::string& more = "") {
  return cluster::parse_spec(
             "apiVersion: keyway.dev/v1alpha1\nkind: KeywayCluster\nmetadata: {name: app}\n"
             "spec:\n  shards: " +
                 std::to_string(shards) + "\n  replicas: 1\n" + more,
             "the test")
      .value();
}

TEST(ChangePlans, AreEmptyWhereNothingDiffers) {
  Result<ChangePlan> plan = plan_spec_change(spec(2), spec(2), two_shards(), "data");
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->empty());
}

TEST(ChangePlans, TellObjectsPodsAndSlots) {
  PodCluster present = two_shards();
  present.reports.emplace_back();
  platform::kubernetes::Report::Shard half;
  half.slots = 8192;
  present.shards["p1"].report = half;
  present.shards["p2"].report = half;
  Result<ChangePlan> plan = plan_spec_change(spec(2), spec(4, "  memory: 1Gi\n"), present, "data");
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_THAT(plan->new_pods, ElementsAre("redis-partition-p1-app-1", "redis-partition-p1-app-0",
                                          "redis-partition-p2-app-0"));
  int to_p3 = 0;
  for (const SlotsMoved& move : plan->moves) to_p3 += move.to == "p3" ? move.slots : 0;
  EXPECT_EQ(to_p3, 4096);
  int made = 0;
  for (const ObjectChange& change : plan->objects)
    made += change.kind == ObjectChange::Kind::kCreate && change.object.starts_with("StatefulSet ") ? 1 : 0;
  EXPECT_EQ(made, 2);
  cluster::Spec replicated = spec(2);
  replicated.mode = cluster::Mode::kReplicated;
  EXPECT_FALSE(plan_spec_change(spec(2), replicated, present, "data"));
}

}  // namespace
}  // namespace keyway::cli
