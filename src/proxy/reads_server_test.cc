// Reads from replicas, before real clusters of three shards with a replica each, of each engine on this
// machine. Who has answered, the servers' own counts of commands tell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "base/strings.h"
#include "proxy/test_proxy.h"
#include "resp/slot.h"

namespace keyway::proxy {
namespace {

using engine::kTestPassword;
using engine::wait_until;
using testing::StartsWith;

constexpr size_t kShards = 3;
constexpr size_t kServers = 2 * kShards;
constexpr const char* kKey = "k";

class ReadsServerTest : public testing::TestWithParam<engine::TestEngine> {
 public:
  static void SetUpTestSuite() { clusters_ = new engine::ClusterOfEachEngine(kShards, kShards); }
  static void TearDownTestSuite() { delete clusters_; }

 protected:
  void SetUp() override {
    cluster_ = clusters_->of(GetParam(), servers_.fleet);
    ASSERT_NE(cluster_, nullptr) << "the cluster did not come up";
  }

  TestClient connect(const ReadOptions& reads) {
    ProxyOptions options = options_before(*cluster_);
    options.reads = reads;
    proxy_ = start_proxy(options);
    TestClient client(proxy_->address());
    EXPECT_EQ(client({"SET", kKey, "v"}), "+OK");
    for (size_t node = 0; node < kServers; ++node) ask(node, {"CONFIG", "RESETSTAT"});
    return client;
  }
  TestClient connect(ReadPolicy policy) { return connect(ReadOptions{policy, {}, 10'000, ""}); }

  resp::Reply ask(size_t node, resp::Command command) {
    auto reply = servers_.fleet.call(cluster_->address(node), std::move(command), 2000);
    EXPECT_TRUE(reply) << reply.error().message;
    return reply ? *reply : resp::Reply{};
  }

  // How often the node has carried the command out.
  int64_t calls(size_t node, const std::string& command) {
    std::string text = ask(node, {"INFO", "commandstats"}).text;
    std::string before = "cmdstat_" + command + ":calls=";
    size_t at = text.find(before);
    if (at == std::string::npos) return 0;
    at += before.size();
    return parse_int(std::string_view(text).substr(at, text.find(',', at) - at)).value_or(-1);
  }

  // Of the shard that has kKey.
  static size_t primary() { return resp::key_slot(kKey) * kShards / cluster::kSlotCount; }
  static size_t replica() { return primary() + kShards; }

  // Reads until the node has answered several in a row.
  bool becomes_reader(TestClient& client, size_t node, int64_t limit_ms = 20'000) {
    return wait_until(
        [&] {
          constexpr int kReads = 5;
          int64_t before = calls(node, "get");
          for (int i = 0; i < kReads; ++i) EXPECT_EQ(client({"GET", kKey}), "$v");
          return calls(node, "get") == before + kReads;
        },
        limit_ms);
  }

  static engine::ClusterOfEachEngine* clusters_;
  engine::TestFleet servers_;
  engine::TestCluster* cluster_ = nullptr;
  std::unique_ptr<Proxy> proxy_;
};

engine::ClusterOfEachEngine* ReadsServerTest::clusters_ = nullptr;

TEST_P(ReadsServerTest, OfPrimariesUnlessToldOtherwise) {
  TestClient client = connect(ReadPolicy::kPrimary);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client({"GET", kKey}), "$v");
  EXPECT_EQ(calls(primary(), "get"), 10);
  EXPECT_EQ(calls(replica(), "get"), 0);
}

TEST_P(ReadsServerTest, KeysThatReplicasHaveAnsweredAreTrackedThere) {
  TestClient reader = connect(ReadPolicy::kPreferReplica);
  TestClient listener(proxy_->address());
  std::string id = listener({"CLIENT", "ID"}).substr(1);
  ASSERT_EQ(listener({"SUBSCRIBE", "__redis__:invalidate"}), "[$subscribe $__redis__:invalidate :1]");
  ASSERT_EQ(reader({"CLIENT", "TRACKING", "ON", "REDIRECT", id}), "+OK");
  ASSERT_TRUE(becomes_reader(reader, replica()));
  TestClient writer(proxy_->address());
  EXPECT_EQ(writer({"SET", kKey, "w"}), "+OK");
  EXPECT_EQ(listener.read(), "[$message $__redis__:invalidate [$k]]");
}

TEST_P(ReadsServerTest, OnlyWhatReadsGoesToReplicas) {
  TestClient client = connect(ReadPolicy::kPreferReplica);
  ASSERT_TRUE(becomes_reader(client, replica()));
  int64_t before = calls(primary(), "get");
  EXPECT_EQ(client({"EVAL_RO", "return redis.call('STRLEN', KEYS[1])", "1", kKey}), ":1");
  EXPECT_EQ(calls(replica(), "eval_ro"), 1);
  EXPECT_EQ(client.call({"MGET", "a", "b", "c", kKey}).elements.back().text, "v");
  EXPECT_GE(calls(replica(), "mget"), 1);
  EXPECT_EQ(calls(primary(), "mget"), 0);
  EXPECT_EQ(client({"TOUCH", kKey}), ":1");
  EXPECT_EQ(calls(primary(), "touch"), 1);
  EXPECT_EQ(client({"SET", kKey, "v"}), "+OK");
  client.send_commands({{"MULTI"}, {"GET", kKey}, {"EXEC"}});
  EXPECT_THAT(client.read(3), testing::ElementsAre("+OK", "+QUEUED", "[$v]"));
  EXPECT_EQ(calls(primary(), "get"), before + 1) << "within a transaction";
  client.send_commands({{"WATCH", kKey}, {"GET", kKey}, {"UNWATCH"}});
  EXPECT_THAT(client.read(3), testing::ElementsAre("+OK", "$v", "+OK"));
  EXPECT_EQ(calls(primary(), "get"), before + 2) << "while it is watched";
}

TEST_P(ReadsServerTest, AnErrorIsThePrimarys) {
  TestClient client = connect(ReadPolicy::kPreferReplica);
  ASSERT_TRUE(becomes_reader(client, replica()));
  EXPECT_THAT(client({"LRANGE", kKey, "0", "1"}), StartsWith("-WRONGTYPE"));
  EXPECT_EQ(calls(primary(), "lrange"), 1);
  std::string sha = client.call({"SCRIPT", "LOAD", "return KEYS[1]"}).text;
  EXPECT_EQ(client({"EVALSHA_RO", sha, "1", kKey}), std::string("$") + kKey) << "no replica knows it";
}

TEST_P(ReadsServerTest, OneWhoseLinkIsDownIsNotRead) {
  TestClient client = connect(ReadPolicy::kPreferReplica);
  ASSERT_TRUE(becomes_reader(client, replica()));
  ask(replica(), {"CONFIG", "SET", "masterauth", "wrong"});
  ask(primary(), {"CLIENT", "KILL", "TYPE", "replica"});
  EXPECT_TRUE(becomes_reader(client, primary()));
  ask(replica(), {"CONFIG", "SET", "masterauth", kTestPassword});
  EXPECT_TRUE(becomes_reader(client, replica()));
}

TEST_P(ReadsServerTest, AUserWhomReplicasRefuseReadsFromPrimaries) {
  TestClient client = connect(ReadPolicy::kPreferReplica);
  ASSERT_TRUE(becomes_reader(client, replica()));
  for (size_t node = 0; node < kServers; ++node)
    ask(node, {"ACL", "SETUSER", "narrow", "on", ">secret", "~*", "+get"});
  TestClient narrow(proxy_->address());
  EXPECT_EQ(narrow({"AUTH", "narrow", "secret"}), "+OK");
  int64_t before = calls(primary(), "get");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(narrow({"GET", kKey}), "$v");
  EXPECT_EQ(calls(primary(), "get"), before + 10);
}

TEST_P(ReadsServerTest, NearestIsOfTheSameZone) {
  if (GetParam().name.find("valkey-7") != std::string::npos || GetParam().name.starts_with("redis"))
    GTEST_SKIP() << "its servers have no zones";
  for (size_t node = 0; node < kServers; ++node)
    ask(node, {"CONFIG", "SET", "availability-zone", node < kShards ? "there" : "here"});
  TestClient client = connect(ReadOptions{ReadPolicy::kNearest, {}, 10'000, "here"});
  EXPECT_TRUE(becomes_reader(client, replica()));
  TestClient other = connect(ReadOptions{ReadPolicy::kNearest, {}, 10'000, "there"});
  EXPECT_TRUE(becomes_reader(other, primary()));
}

TEST_P(ReadsServerTest, NearestWithoutZonesIsEachThatIsAsNear) {
  TestClient client = connect(ReadPolicy::kNearest);
  EXPECT_TRUE(wait_until([&] {
    EXPECT_EQ(client({"GET", kKey}), "$v");
    return calls(replica(), "get") > 10 && calls(primary(), "get") > 10;
  }));
}

// The last, since it leaves the cluster with less than it had.
TEST_P(ReadsServerTest, StoppedPromotedAndKilled) {
  TestClient client = connect(ReadPolicy::kPreferReplica);
  ASSERT_TRUE(becomes_reader(client, replica()));
  cluster_->server(replica()).pause();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client({"GET", kKey}), "$v") << "however long it takes at first";
  EXPECT_TRUE(becomes_reader(client, primary(), 5000));
  cluster_->server(replica()).resume();
  ASSERT_TRUE(becomes_reader(client, replica()));

  EXPECT_TRUE(wait_until([&] { return ask(replica(), {"CLUSTER", "FAILOVER"}).text == "OK"; }));
  ASSERT_TRUE(wait_until([&] {
    EXPECT_EQ(client({"GET", kKey}), "$v");
    return ask(primary(), {"INFO", "replication"}).text.find("role:slave") != std::string::npos;
  }));
  EXPECT_EQ(client({"SET", kKey, "v"}), "+OK");
  EXPECT_TRUE(becomes_reader(client, primary())) << "which is the replica now";

  cluster_->server(primary()).kill();
  EXPECT_TRUE(becomes_reader(client, replica(), 5000)) << "which is the primary now";
}

INSTANTIATE_TEST_SUITE_P(Engines, ReadsServerTest, testing::ValuesIn(engine::test_engines()),
                         engine::test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ReadsServerTest);

}  // namespace
}  // namespace keyway::proxy
