// A survey of real clusters of every engine at hand.
#include <gtest/gtest.h>

#include "cluster/ownership.h"
#include "engine/survey.h"
#include "engine/test_cluster.h"

namespace keyway::engine {
namespace {

using cluster::NodeFacts;
using cluster::Observed;
using cluster::Reach;

class SurveyOnServers : public testing::TestWithParam<TestEngine> {
 protected:
  static void SetUpTestSuite() { clusters_ = new ClusterOfEachEngine(3, 2); }
  static void TearDownTestSuite() { delete std::exchange(clusters_, nullptr); }

  static inline ClusterOfEachEngine* clusters_ = nullptr;
  TestFleet client;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SurveyOnServers);
INSTANTIATE_TEST_SUITE_P(Engines, SurveyOnServers, testing::ValuesIn(test_engines()), test_name);

TEST_P(SurveyOnServers, FindsEveryNodeFromAnyOfThem) {
  TestCluster* cluster = clusters_->of(GetParam(), client.fleet);
  ASSERT_NE(cluster, nullptr);
  for (size_t seed : {size_t{0}, size_t{4}}) {
    Result<Observed> observed = survey(client.fleet, cluster->address(seed));
    ASSERT_TRUE(observed) << observed.error().message;
    ASSERT_EQ(observed->nodes.size(), 5u);
    for (size_t i = 0; i < 5; ++i) {
      const NodeFacts* node = observed->find_id(cluster->id(i));
      ASSERT_NE(node, nullptr);
      EXPECT_EQ(node->address, cluster->address(i));
      EXPECT_EQ(node->reach, Reach::kAnswering) << node->note;
      EXPECT_EQ(node->server.peers.size(), 5u);
      EXPECT_TRUE(node->server.cluster_enabled);
      EXPECT_EQ(announced_address(*observed, *node), cluster->address(i));
    }
    cluster::Knowledge known(*observed);
    EXPECT_TRUE(known.unowned().empty());
  }
}

TEST_P(SurveyOnServers, AHungNodeIsInTheAnswer) {
  TestCluster* cluster = clusters_->of(GetParam(), client.fleet);
  ASSERT_NE(cluster, nullptr);
  cluster->server(4).pause();
  Result<Observed> observed = survey(client.fleet, cluster->address(0), {.timeout_ms = 300});
  cluster->server(4).resume();
  ASSERT_TRUE(observed) << observed.error().message;
  const NodeFacts* silent = observed->find_id(cluster->id(4));
  ASSERT_NE(silent, nullptr);
  EXPECT_EQ(silent->reach, Reach::kSilent);
  EXPECT_EQ(silent->address, cluster->address(4));
  EXPECT_FALSE(silent->note.empty());
}

TEST(SurveyOnServer, OneThatIsNoCluster) {
  std::vector<TestEngine> engines = test_engines();
  if (engines.empty()) GTEST_SKIP() << "no server program at hand";
  TestServer server(engines.front());
  server.start(test_users_config());
  TestFleet client;
  ErrorCode code = ErrorCode::kInternal;
  ASSERT_TRUE(wait_until([&] {
    Result<Observed> observed = survey(client.fleet, server.address());
    if (observed) return true;
    code = observed.error().code;
    return code != ErrorCode::kUnavailable;
  }));
  EXPECT_EQ(code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace keyway::engine
