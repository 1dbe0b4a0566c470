// Against real servers of every engine at hand: what Fleet, observe and the node table are for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_cluster.h"

namespace keyway::engine {
namespace {

using cluster::Reach;

class EngineServer : public testing::TestWithParam<TestEngine> {
 protected:
  cluster::NodeFacts look_alone(const TestServer& server) {
    cluster::Observed observed;
    observed.nodes.emplace_back().address = server.address();
    observed.nodes[0].process = cluster::Process::kRunning;
    observe(client.fleet, cluster::Mode::kReplicated, observed, 1000);
    return observed.nodes[0];
  }

  TestFleet client;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineServer);
INSTANTIATE_TEST_SUITE_P(Engines, EngineServer, testing::ValuesIn(test_engines()), test_name);

TEST_P(EngineServer, TellsLoadingFromSilentAndDenied) {
  TestServer server(GetParam());
  EXPECT_EQ(look_alone(server).reach, Reach::kSilent);

  server.start(test_users_config());
  ASSERT_TRUE(wait_until([&] { return look_alone(server).reach == Reach::kAnswering; }));
  EXPECT_EQ(look_alone(server).server.version, GetParam().name.substr(GetParam().name.find('-') + 1));
  std::vector<resp::Command> commands;
  for (int i = 0; i < 3000; ++i) commands.push_back({"SET", fmt::format("key:{}", i), "value"});
  commands.push_back({"SAVE"});
  ASSERT_TRUE(client.fleet.exchange({{server.address(), commands}}, 10'000)[0].replies.back().ok());
  EXPECT_EQ(look_alone(server).server.keys, 3000);

  server.kill();
  EXPECT_EQ(look_alone(server).reach, Reach::kSilent);
  server.start(test_users_config() + "key-load-delay 100\nloading-process-events-interval-bytes 1024\n");
  ASSERT_TRUE(wait_until([&] { return look_alone(server).reach != Reach::kSilent; }));
  EXPECT_EQ(look_alone(server).reach, Reach::kLoading);
  ASSERT_TRUE(wait_until([&] { return look_alone(server).reach == Reach::kAnswering; }));
  EXPECT_EQ(look_alone(server).server.keys, 3000);

  Fleet stranger(client.io, [] { return Credentials{kTestUser, "wrong"}; });
  auto refused = stranger.call(server.address(), {"PING"}, 1000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDenied);
  Fleet anonymous(client.io, [] { return Credentials{}; });
  auto reply = anonymous.call(server.address(), {"PING"}, 1000);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->error_code(), "NOAUTH");
}

TEST_P(EngineServer, AHungServerCostsTheDeadlineAndARestartOnlyANewConnection) {
  TestServer server(GetParam());
  server.start(test_users_config());
  ASSERT_TRUE(wait_until([&] { return look_alone(server).reach == Reach::kAnswering; }));
  server.pause();
  auto reply = client.fleet.call(server.address(), {"PING"}, 50);
  server.resume();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kTimeout);
  EXPECT_TRUE(client.fleet.call(server.address(), {"PING"}, 1000));

  server.kill();
  server.start(test_users_config());
  ASSERT_TRUE(wait_until([&] { return look_alone(server).reach == Reach::kAnswering; }));
}

class SeededCluster : public testing::TestWithParam<TestEngine> {
 protected:
  static void SetUpTestSuite() { clusters_ = new ClusterOfEachEngine(2, 2); }
  static void TearDownTestSuite() { delete std::exchange(clusters_, nullptr); }

  static inline ClusterOfEachEngine* clusters_ = nullptr;
  TestFleet client;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SeededCluster);
INSTANTIATE_TEST_SUITE_P(Engines, SeededCluster, testing::ValuesIn(test_engines()), test_name);

TEST_P(SeededCluster, WakesUpKnowingItsCluster) {
  TestCluster* whole = clusters_->of(GetParam(), client.fleet);
  ASSERT_NE(whole, nullptr);
  TestCluster& cluster = *whole;
  cluster::Observed observed = cluster.look(client.fleet);
  for (size_t i = 0; i < 4; ++i) {
    const cluster::ServerFacts& server = observed.nodes[i].server;
    EXPECT_EQ(server.id, cluster.id(i));
    EXPECT_EQ(server.role, i < 2 ? cluster::Role::kPrimary : cluster::Role::kReplica);
    EXPECT_EQ(server.current_epoch, 4u);
    ASSERT_EQ(server.peers.size(), 4u);
    for (const cluster::PeerView& seen : server.peers) {
      auto given = std::find_if(cluster.table().begin(), cluster.table().end(),
                                [&](const auto& peer) { return peer.id == seen.id; });
      ASSERT_NE(given, cluster.table().end());
      EXPECT_EQ(seen.address, given->address);
      EXPECT_EQ(seen.slots, given->slots);
      EXPECT_EQ(seen.primary_id, given->primary_id);
      EXPECT_EQ(seen.myself, seen.id == server.id);
    }
    if (!GetParam().has_shard_ids()) continue;
    auto shard_id = client.fleet.call(cluster.address(i), {"CLUSTER", "MYSHARDID"}, 1000);
    ASSERT_TRUE(shard_id);
    EXPECT_EQ(shard_id->text, cluster.table()[i].shard_id);
  }
}

}  // namespace
}  // namespace keyway::engine
