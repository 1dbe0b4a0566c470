// The proxy's limits before a real cluster, each seen to bite, and changed while clients are there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "proxy/test_proxy.h"

namespace keyway::proxy {
namespace {

using testing::StartsWith;

class LimitsServerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<engine::TestEngine> engines = engine::test_engines();
    if (engines.empty()) GTEST_SKIP() << "no server on this machine";
    cluster_ = std::make_unique<engine::TestCluster>(engines.front(), 3, 0);
    ASSERT_TRUE(engine::wait_until([&] { return cluster_->is_whole(servers_.fleet); }));
    options_ = options_before(*cluster_);
    options_.workers = 2;
  }

  void start() {
    proxy_ = start_proxy(options_);
    ASSERT_NE(proxy_, nullptr);
  }
  TestClient connect() { return TestClient(proxy_->address()); }

  // Until a client that has just come is answered that way.
  bool comes_to(const std::string& answer) {
    return engine::wait_until([&] { return connect()({"PING"}).starts_with(answer); });
  }

  engine::TestFleet servers_;
  std::unique_ptr<engine::TestCluster> cluster_;
  ProxyOptions options_;
  std::unique_ptr<Proxy> proxy_;
};

TEST_F(LimitsServerTest, ClientsOfAllWorkersAreCountedTogether) {
  options_.limits.max_clients = 3;
  start();
  std::vector<TestClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect());
    EXPECT_EQ(clients.back()({"PING"}), "+PONG") << i;
  }
  EXPECT_EQ(connect().read(), "-ERR max number of clients reached");
  clients.pop_back();
  // Until the proxy has seen that one of them has gone.
  EXPECT_TRUE(engine::wait_until([&] {
    TestClient next = connect();
    bool let_in = next({"PING"}) == "+PONG";
    if (let_in) clients.push_back(std::move(next));
    return let_in;
  }));
  EXPECT_EQ(connect().read(), "-ERR max number of clients reached");
  options_.limits.max_clients = 10;
  ASSERT_TRUE(proxy_->reload(options_));
  EXPECT_TRUE(comes_to("+PONG"));
  for (TestClient& client : clients) EXPECT_EQ(client({"PING"}), "+PONG") << "it was there before";
}

TEST_F(LimitsServerTest, AServerThatHangsIsGivenUpWhereverItIsAsked) {
  options_.limits.server_silence_ms = 300;
  options_.limits.wait_ms = 300;
  start();
  TestClient client = connect();
  ASSERT_EQ(client({"SET", "k", "v"}), "+OK");
  ASSERT_EQ(client({"MULTI"}), "+OK");
  ASSERT_EQ(client({"SET", "k", "w"}), "+QUEUED");
  for (size_t node = 0; node < 3; ++node) cluster_->server(node).pause();
  EXPECT_THAT(client({"EXEC"}), testing::HasSubstr("may have been carried out"));
  EXPECT_THAT(client({"GET", "k"}), testing::StartsWith("-ERR keyway: "));
  for (size_t node = 0; node < 3; ++node) cluster_->server(node).resume();
}

TEST_F(LimitsServerTest, RequestsHaveASizeThatCanBeChanged) {
  options_.limits.max_request_bytes = 2000;
  start();
  TestClient waiting = connect();
  EXPECT_EQ(waiting({"SET", "k", std::string(1000, 'x')}), "+OK");
  EXPECT_THAT(connect()({"SET", "k", std::string(3000, 'x')}), StartsWith("-ERR Protocol error"));
  options_.limits.max_request_bytes = 10'000;
  ASSERT_TRUE(proxy_->reload(options_));
  EXPECT_TRUE(engine::wait_until([&] { return connect()({"SET", "k", std::string(3000, 'x')}) == "+OK"; }));
  EXPECT_TRUE(engine::wait_until([&] { return waiting({"GET", "k"}).size() == 3001; }))
      << "it was there before";
}

TEST_F(LimitsServerTest, RequestsAboveAServersLimitWaitInOrder) {
  options_.limits.max_server_in_flight = 2;
  start();
  constexpr int kClients = 10;
  constexpr int kDepth = 200;
  std::vector<TestClient> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(connect());
  for (int i = 0; i < kClients; ++i) {
    std::vector<resp::Command> commands;
    for (int j = 0; j < kDepth; ++j) {
      commands.push_back({"RPUSH", fmt::format("list:{}", i), std::to_string(j)});
      if (j % 10 == 0) commands.push_back({"MGET", "a", "b", "c"});
    }
    clients[static_cast<size_t>(i)].send_commands(commands);
  }
  for (TestClient& client : clients) {
    for (int j = 0; j < kDepth; ++j) {
      ASSERT_EQ(client.read(), fmt::format(":{}", j + 1));
      if (j % 10 == 0) {
        ASSERT_EQ(client.read(), "[nil nil nil]");
      }
    }
  }
  TestClient reader = connect();
  for (int i = 0; i < kClients; ++i) {
    resp::Reply list = reader.call({"LRANGE", fmt::format("list:{}", i), "0", "-1"});
    ASSERT_EQ(list.elements.size(), size_t{kDepth});
    for (int j = 0; j < kDepth; ++j) ASSERT_EQ(list.elements[static_cast<size_t>(j)].text, std::to_string(j));
  }
}

TEST_F(LimitsServerTest, AClientThatDoesNotReadItsMessagesIsClosed) {
  options_.limits.client_pause_bytes = 64 << 10;
  options_.limits.max_client_bytes = 1 << 20;
  start();
  TestClient subscriber = connect();
  TestClient publisher = connect();
  EXPECT_EQ(subscriber({"SUBSCRIBE", "news"}), "[$subscribe $news :1]");
  std::string message(256 << 10, 'x');
  int heard = 0;
  while (heard < 1000 && publisher({"PUBLISH", "news", message}) == ":1") ++heard;
  EXPECT_LT(heard, 1000) << "it was never closed";
  EXPECT_GT(heard, 3) << "it was closed too early";
}

TEST_F(LimitsServerTest, ReloadKeepsTransactionsAndSubscriptions) {
  start();
  TestClient subscriber = connect();
  TestClient transacting = connect();
  EXPECT_EQ(subscriber({"SUBSCRIBE", "news"}), "[$subscribe $news :1]");
  transacting.send_commands({{"WATCH", "k"}, {"MULTI"}, {"INCR", "k"}});
  EXPECT_THAT(transacting.read(3), testing::ElementsAre("+OK", "+OK", "+QUEUED"));
  ProxyOptions other = options_;
  other.workers = 7;
  other.listen.port = 1;
  other.seeds = {cluster_->address(1)};
  other.limits.max_in_flight = 1;
  Address before = proxy_->address();
  ASSERT_TRUE(proxy_->reload(other));
  EXPECT_EQ(proxy_->address(), before);
  EXPECT_EQ(transacting({"EXEC"}), "[:1]");
  TestClient publisher = connect();
  EXPECT_EQ(publisher({"PUBLISH", "news", "a"}), ":1");
  EXPECT_EQ(subscriber.read(), "[$message $news $a]");
  publisher.send_commands({{"GET", "k"}, {"INCR", "k"}, {"GET", "k"}});
  EXPECT_THAT(publisher.read(3), testing::ElementsAre("$1", ":2", "$2"));
}

TEST_F(LimitsServerTest, ANewPasswordOfTheProxysUserDropsNobody) {
  options_.workers = 1;
  start();
  TestClient client = connect();
  EXPECT_EQ(client({"SET", "k", "1"}), "+OK");
  for (size_t node = 0; node < 3; ++node) {
    auto set = servers_.fleet.call(cluster_->address(node),
                                   {"ACL", "SETUSER", engine::kTestUser, "resetpass", ">other",
                                    std::string(">") + engine::kTestPassword},
                                   2000);
    ASSERT_TRUE(set && set->ok());
  }
  options_.account.password = options_.anonymous.password = "other";
  ASSERT_TRUE(proxy_->reload(options_));
  EXPECT_EQ(client({"PING"}), "+PONG") << "by now the worker has heard of it";
  for (size_t node = 0; node < 3; ++node) {
    auto set = servers_.fleet.call(
        cluster_->address(node),
        {"ACL", "SETUSER", engine::kTestUser, std::string("<") + engine::kTestPassword}, 2000);
    ASSERT_TRUE(set && set->ok());
  }
  // Connections that are made from now on log in by the new one.
  TestClient other = connect();
  other.send_command({"BLPOP", "list", "0"});  // by a connection of its own
  EXPECT_EQ(client({"SET", "k", "2"}), "+OK");
  EXPECT_EQ(client({"RPUSH", "list", "x"}), ":1");
  EXPECT_EQ(other.read(), "[$list $x]");
}

}  // namespace
}  // namespace keyway::proxy
