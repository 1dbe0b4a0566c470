#include "reconcile/act.h"

#include <gtest/gtest.h>

#include <set>

namespace keyway::reconcile {
namespace {

// Answers every command with OK, unless the server is gone.
class FakeServers : public engine::Servers {
 public:
  std::vector<engine::Response> exchange(const std::vector<engine::Request>& requests, int64_t) override {
    std::vector<engine::Response> responses;
    for (const engine::Request& request : requests) {
      engine::Response& response = responses.emplace_back();
      if (gone.contains(request.address.port)) {
        response.error = Error{ErrorCode::kUnavailable, "no connection"};
        continue;
      }
      for (const resp::Command& command : request.commands) {
        sent.push_back(command);
        bool refuse = !no_failover.empty() && command.size() > 1 && command[1] == "FAILOVER";
        auto type = refuse ? resp::ReplyType::kError : resp::ReplyType::kStatus;
        std::string text = refuse ? no_failover : "OK";
        if (command.back() == "BUMPEPOCH" && highest == request.address.port) text = "STILL 4";
        response.replies.push_back(resp::Reply{type, 0, 0, text, {}});
        asked.push_back(request.address.port);
      }
    }
    return responses;
  }

  std::set<uint16_t> gone;
  std::string no_failover;  // the error that CLUSTER FAILOVER is answered with; empty: none
  uint16_t highest = 0;     // of the server whose epoch is the highest that it knows
  std::vector<resp::Command> sent;
  std::vector<uint16_t> asked;  // who got each
};

// Takes every order and remembers those of interest.
class FakePlatform : public platform::Platform {
 public:
  cluster::Desired desired() override { return {}; }
  cluster::Observed look() override { return {}; }
  Status start(const cluster::StartNode&) override { return {}; }
  Status stop(const std::string&, bool) override { return {}; }
  Status set_data_aside(const std::string&, bool) override { return {}; }
  Status remove(const std::string& node) override {
    removed.push_back(node);
    return {};
  }
  Status persist_follow(const std::string&, const std::string&) override { return {}; }
  Status persist_config(const std::string&, const cluster::ServerConfig&) override { return {}; }
  Result<std::vector<resp::Command>> stage_users(const std::string&) override {
    return std::vector<resp::Command>{};
  }
  Status users_applied(const std::string&) override { return {}; }
  Status record_primary(const std::string&, const std::string&) override { return {}; }
  Status record_data(const std::string&) override { return {}; }
  Status record_identity(const std::string&, const std::string&) override { return {}; }
  Status record_formed() override { return {}; }
  Status clear_switchover(const std::string&) override { return {}; }
  Account account() override { return {}; }
  int64_t wall_ms() override { return 0; }
  int64_t monotonic_ms() override { return 0; }

  std::vector<std::string> removed;
};

class ActTest : public testing::Test {
 protected:
  ActTest() {
    for (uint16_t port : {uint16_t{7000}, uint16_t{7001}}) {
      cluster::NodeFacts& node = observed.nodes.emplace_back();
      node.name = port == 7000 ? "p1-0" : "p1-1";
      node.shard = "p1";
      node.address = {"127.0.0.1", port};
    }
    observed.nodes[0].process = cluster::Process::kRunning;
    observed.nodes[0].reach = cluster::Reach::kAnswering;
    observed.nodes[0].server.role = cluster::Role::kPrimary;
    observed.nodes[1].process = cluster::Process::kStopped;
  }

  Act act(cluster::Action action, cluster::Mode mode = cluster::Mode::kReplicated) {
    return reconcile::act({std::move(action), "p1", "a test"}, mode, observed, servers, platform, {});
  }

  cluster::Observed observed;
  FakeServers servers;
  FakePlatform platform;
};

TEST_F(ActTest, ANodeIsRemovedWhileThePrimaryOfItsShardIsThere) {
  EXPECT_TRUE(act(cluster::RemoveNode{"p1-1"}).status);
  EXPECT_EQ(platform.removed, std::vector<std::string>{"p1-1"});
}

TEST_F(ActTest, ANodeStaysIfThePrimaryHasGoneSinceItWasSeen) {
  servers.gone = {7000};
  EXPECT_FALSE(act(cluster::RemoveNode{"p1-1"}).status);
  EXPECT_TRUE(platform.removed.empty());
}

TEST_F(ActTest, ATakeoverByAPrimaryRaisesItsEpoch) {
  cluster::Action takeover = cluster::Promote{"p1-0", "p1-1", cluster::FailoverKind::kTakeover};
  EXPECT_TRUE(act(takeover, cluster::Mode::kSharded).status);
  EXPECT_EQ(servers.sent.back(), (resp::Command{"CLUSTER", "FAILOVER", "TAKEOVER"}));
  servers.no_failover = "ERR You should send CLUSTER FAILOVER to a replica";
  EXPECT_TRUE(act(takeover, cluster::Mode::kSharded).status);
  EXPECT_EQ(servers.sent.back(), (resp::Command{"CLUSTER", "BUMPEPOCH"}));
  cluster::NodeFacts other = observed.nodes[0];
  other.name = "p2-0";
  other.address.port = 7010;
  other.server.peers.resize(1);
  other.server.peers[0].myself = other.server.peers[0].primary = true;
  observed.nodes.push_back(other);
  servers.highest = 7000;
  EXPECT_TRUE(act(takeover, cluster::Mode::kSharded).status);
  EXPECT_EQ(servers.sent.back(), (resp::Command{"CLUSTER", "BUMPEPOCH"}));
  EXPECT_EQ(servers.asked.back(), 7010) << "another primary";
  servers.no_failover = "ERR I'm a replica but my master is unknown to me";
  EXPECT_FALSE(act(takeover, cluster::Mode::kSharded).status);
}

TEST_F(ActTest, AnErrorOfTheServerIsTheErrorOfTheStep) {
  servers.gone = {7001};
  Act done = act(cluster::SetConfig{"p1-1", {{"maxmemory", "1"}}, {}});
  ASSERT_FALSE(done.status);
  EXPECT_EQ(done.status.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace keyway::reconcile
