// The proxy before real clusters of three shards, of each engine on this machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/format.h"
#include "proxy/test_proxy.h"
#include "resp/slot.h"

namespace keyway::proxy {
namespace {

using engine::kTestPassword;
using engine::kTestUser;
using testing::ElementsAre;
using testing::StartsWith;

class ProxyServerTest : public ProxyBeforeThreeShards {
 protected:
  // The node that serves the slot, asked by itself.
  resp::Reply ask(size_t node, resp::Command command) {
    auto reply = servers_.fleet.call(cluster_->address(node), std::move(command), 2000);
    EXPECT_TRUE(reply);
    return reply ? *reply : resp::Reply{};
  }

  int blocked_clients() {
    int count = 0;
    for (size_t node = 0; node < 3; ++node)
      count += ask(node, {"INFO", "clients"}).text.find("blocked_clients:1") != std::string::npos ? 1 : 0;
    return count;
  }
};

TEST_P(ProxyServerTest, KeysOfAllShards) {
  TestClient client = connect();
  for (const char* key : {"AAA", "BBB", "CCC"}) EXPECT_EQ(client({"SET", key, key}), "+OK");
  for (size_t node = 0; node < 3; ++node) EXPECT_EQ(ask(node, {"DBSIZE"}).integer, 1) << node;
  EXPECT_EQ(client({"GET", "BBB"}), "$BBB");
  EXPECT_EQ(client({"MGET", "AAA", "none", "CCC", "BBB"}), "[$AAA nil $CCC $BBB]");
  EXPECT_EQ(client({"DBSIZE"}), ":3");
  EXPECT_EQ(client({"EXISTS", "AAA", "BBB", "none"}), ":2");
  EXPECT_EQ(client({"DEL", "AAA", "BBB", "CCC", "none"}), ":3");
  EXPECT_EQ(client({"MSET", "x", "1", "y", "2", "z", "3"}), "+OK");
  EXPECT_EQ(client({"MGET", "z", "x", "y"}), "[$3 $1 $2]");
  EXPECT_THAT(client({"MSETNX", "x", "1", "y", "2"}), StartsWith("-CROSSSLOT"));
}

TEST_P(ProxyServerTest, RepliesOfAPipelineAreInOrder) {
  TestClient client = connect();
  std::string all;
  for (int i = 0; i < 2000; ++i) {
    std::string key = fmt::format("key:{}", i);
    resp::append(all, {"SET", key, std::to_string(i)});
    resp::append(all, {"GET", key});
    if (i % 100 == 0) resp::append(all, {"DBSIZE"});
  }
  client.send(all);
  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(client.read(), "+OK") << i;
    ASSERT_EQ(client.read(), fmt::format("${}", i));
    if (i % 100 == 0) {
      ASSERT_THAT(client.read(), StartsWith(":"));
    }
  }
}

TEST_P(ProxyServerTest, RedirectionsAreFollowed) {
  TestClient client = connect();
  ASSERT_EQ(client({"SET", "{moving}a", "1"}), "+OK");
  uint16_t slot = resp::key_slot("moving");
  size_t from = slot < 5462 ? 0 : slot < 10923 ? 1 : 2;
  size_t to = (from + 1) % 3;
  std::string number = std::to_string(slot);
  ask(to, {"CLUSTER", "SETSLOT", number, "IMPORTING", cluster_->id(from)});
  ask(from, {"CLUSTER", "SETSLOT", number, "MIGRATING", cluster_->id(to)});
  // A key that is not there any more: ASK. Several keys of which some are: TRYAGAIN until it is over.
  EXPECT_EQ(client({"SET", "{moving}b", "2"}), "+OK");
  EXPECT_EQ(client({"GET", "{moving}a"}), "$1");
  client.send_command({"MGET", "{moving}a", "{moving}b"});
  Address target = cluster_->address(to);
  resp::Reply moved = ask(from, {"MIGRATE", target.host, std::to_string(target.port), "{moving}a", "0",
                                 "1000", "AUTH2", kTestUser, kTestPassword});
  EXPECT_TRUE(moved.ok()) << moved.text;
  for (size_t node : {to, from, (to + 1) % 3})
    ask(node, {"CLUSTER", "SETSLOT", number, "NODE", cluster_->id(to)});
  EXPECT_EQ(client.read(), "[$1 $2]");
  EXPECT_EQ(client({"GET", "{moving}a"}), "$1");
  for (size_t node : {from, to, (to + 1) % 3})
    ask(node, {"CLUSTER", "SETSLOT", number, "NODE", cluster_->id(to)});
}

TEST_P(ProxyServerTest, TransactionsOfOneSlot) {
  TestClient client = connect();
  client.send_commands({{"MULTI"}, {"SET", "{t}a", "1"}, {"INCR", "{t}a"}, {"EXEC"}});
  EXPECT_THAT(client.read(4), ElementsAre("+OK", "+QUEUED", "+QUEUED", "[+OK :2]"));
  client.send_commands({{"MULTI"}, {"SET", "{t}a", "1"}, {"SET", "{u}a", "1"}, {"EXEC"}, {"GET", "{t}a"}});
  EXPECT_THAT(client.read(5),
              ElementsAre("+OK", "+QUEUED", StartsWith("-CROSSSLOT"), StartsWith("-EXECABORT"), "$2"));
  client.send_commands({{"MULTI"}, {"NOSUCH"}, {"EXEC"}});
  EXPECT_THAT(client.read(3),
              ElementsAre("+OK", StartsWith("-ERR unknown command"), StartsWith("-EXECABORT")));
  client.send_commands({{"MULTI"}, {"SET", "{t}a", "9"}, {"DISCARD"}, {"GET", "{t}a"}, {"EXEC"}});
  EXPECT_THAT(client.read(5), ElementsAre("+OK", "+QUEUED", "+OK", "$2", "-ERR EXEC without MULTI"));
}

TEST_P(ProxyServerTest, WatchedKeysDecideTransactions) {
  TestClient client = connect();
  TestClient other = connect();
  client({"SET", "k", "1"});
  client.send_commands({{"WATCH", "k"}, {"MULTI"}, {"INCR", "k"}, {"EXEC"}});
  EXPECT_THAT(client.read(4), ElementsAre("+OK", "+OK", "+QUEUED", "[:2]"));
  EXPECT_EQ(client({"WATCH", "k"}), "+OK");
  EXPECT_EQ(other({"SET", "k", "7"}), "+OK");
  client.send_commands({{"MULTI"}, {"INCR", "k"}, {"EXEC"}, {"GET", "k"}});
  EXPECT_THAT(client.read(4), ElementsAre("+OK", "+QUEUED", "nil", "$7"));
  EXPECT_EQ(client({"WATCH", "k"}), "+OK");
  EXPECT_EQ(client({"UNWATCH"}), "+OK");
  EXPECT_EQ(other({"SET", "k", "8"}), "+OK");
  client.send_commands({{"MULTI"}, {"INCR", "k"}, {"EXEC"}});
  EXPECT_THAT(client.read(3), ElementsAre("+OK", "+QUEUED", "[:9]"));
}

TEST_P(ProxyServerTest, BlockingCommandsHoldUpNobodyElse) {
  TestClient client = connect();
  TestClient other = connect();
  client.send_commands({{"BLPOP", "list", "0"}, {"ECHO", "after"}});
  EXPECT_EQ(other({"GET", "list"}), "nil");
  EXPECT_EQ(other({"RPUSH", "list", "x"}), ":1");
  EXPECT_THAT(client.read(2), ElementsAre("[$list $x]", "$after"));
  {
    TestClient gone = connect();
    gone.send_command({"BLPOP", "list", "0"});
    EXPECT_TRUE(engine::wait_until([&] { return blocked_clients() == 1; }));
  }
  EXPECT_TRUE(engine::wait_until([&] { return blocked_clients() == 0; }))
      << "a server waits for one who has gone";
  EXPECT_EQ(other({"RPUSH", "list", "y"}), ":1");
}

TEST_P(ProxyServerTest, Subscriptions) {
  TestClient client = connect();
  TestClient other = connect();
  EXPECT_EQ(client({"SUBSCRIBE", "news"}), "[$subscribe $news :1]");
  EXPECT_EQ(other({"PUBLISH", "news", "a"}), ":1");
  EXPECT_EQ(client.read(), "[$message $news $a]");
  EXPECT_THAT(client({"GET", "k"}), StartsWith("-ERR Can't execute 'get'"));
  client.send_commands({{"UNSUBSCRIBE"}, {"ECHO", "free"}});
  EXPECT_THAT(client.read(2), ElementsAre("[$unsubscribe $news :0]", "$free"));
  EXPECT_THAT(client({"HELLO", "3"}), StartsWith("["));
  EXPECT_EQ(client({"SSUBSCRIBE", "shard"}), "[$ssubscribe $shard :1]");
  EXPECT_EQ(client({"ECHO", "still"}), "$still");
  EXPECT_EQ(other({"SPUBLISH", "shard", "b"}), ":1");
  EXPECT_EQ(client.read(), "[$smessage $shard $b]");
}

TEST_P(ProxyServerTest, AnswersBehindThoseOfSubscriptionsWait) {
  TestClient client = connect();
  client.send_commands({{"SUBSCRIBE", "a", "b"}, {"PING", "p"}, {"GET", "k"}, {"UNSUBSCRIBE"}, {"NOSUCH"}});
  EXPECT_THAT(client.read(7), ElementsAre("[$subscribe $a :1]", "[$subscribe $b :2]", "[$pong $p]",
                                          StartsWith("-ERR Can't execute 'get'"), StartsWith("[$unsubscribe"),
                                          StartsWith("[$unsubscribe"), StartsWith("-ERR unknown command")));
  EXPECT_THAT(client({"HELLO", "3"}), StartsWith("["));
  client.send_commands(
      {{"SUBSCRIBE", "a"}, {"SET", "k", "v"}, {"NOSUCH"}, {"UNSUBSCRIBE", "a"}, {"GET", "k"}});
  EXPECT_THAT(client.read(5), ElementsAre("[$subscribe $a :1]", "+OK", StartsWith("-ERR unknown command"),
                                          "[$unsubscribe $a :0]", "$v"));
}

TEST_P(ProxyServerTest, ScanWalksAllShards) {
  TestClient client = connect();
  for (int i = 0; i < 300; ++i) ASSERT_EQ(client({"SET", fmt::format("s:{}", i), "v"}), "+OK");
  std::set<std::string> seen;
  std::string cursor = "0";
  int calls = 0;
  do {
    resp::Reply reply = client.call({"SCAN", cursor, "COUNT", "20"});
    ASSERT_EQ(reply.elements.size(), 2U);
    cursor = reply.elements[0].text;
    for (const resp::Reply& key : reply.elements[1].elements) seen.insert(key.text);
    ++calls;
  } while (cursor != "0" && calls < 1000);
  EXPECT_EQ(seen.size(), 300U);
  EXPECT_GT(calls, 3);
  EXPECT_EQ(client.call({"KEYS", "*"}).elements.size(), 300U);
}

TEST_P(ProxyServerTest, ClientsAreUsersOfTheCluster) {
  TestClient client = connect();
  EXPECT_EQ(client({"ACL", "SETUSER", "reader", "on", ">secret", "~*", "+get", "+acl|whoami", "+hello"}),
            "+OK");
  TestClient reader = connect();
  EXPECT_THAT(reader({"AUTH", "reader", "wrong"}), StartsWith("-WRONGPASS"));
  EXPECT_EQ(reader({"AUTH", "reader", "secret"}), "+OK");
  EXPECT_EQ(reader({"ACL", "WHOAMI"}), "$reader");
  EXPECT_EQ(reader({"GET", "k"}), "nil");
  EXPECT_THAT(reader({"SET", "k", "v"}), StartsWith("-NOPERM"));
  EXPECT_THAT(reader({"HELLO", "3"}), StartsWith("["));
  EXPECT_EQ(reader({"ACL", "WHOAMI"}), "$reader");
  EXPECT_EQ(client({"ACL", "WHOAMI"}), std::string("$") + kTestUser);
}

TEST_P(ProxyServerTest, LargeValuesAndManySmallOnes) {
  TestClient client = connect();
  std::string value(size_t{5} << 20, 'x');
  EXPECT_EQ(client({"SET", "large", value}), "+OK");
  EXPECT_EQ(client.call({"GET", "large"}).text, value);
  resp::Command mset = {"MSET"};
  resp::Command mget = {"MGET"};
  for (int i = 0; i < 1000; ++i) {
    mset.insert(mset.end(), {fmt::format("m:{}", i), fmt::format("value {}", i)});
    mget.push_back(fmt::format("m:{}", i));
  }
  EXPECT_EQ(client(mset), "+OK");
  resp::Reply reply = client.call(mget);
  ASSERT_EQ(reply.elements.size(), 1000U);
  for (size_t i = 0; i < 1000; ++i) ASSERT_EQ(reply.elements[i].text, fmt::format("value {}", i));
}

TEST_P(ProxyServerTest, ErrorsAreThoseOfAServer) {
  TestClient client = connect();
  EXPECT_EQ(client({"GET"}), "-ERR wrong number of arguments for 'get' command");
  EXPECT_THAT(client({"CONFIG", "NOSUCH"}), StartsWith("-ERR unknown subcommand 'NOSUCH'. Try CONFIG HELP."));
  EXPECT_EQ(client({"SELECT", "1"}), "-ERR SELECT is not allowed in cluster mode");
  EXPECT_EQ(client({"SELECT", "0"}), "+OK");
  EXPECT_THAT(client({"HELLO", "4"}), StartsWith("-NOPROTO"));
  TestClient quitting = connect();
  quitting.send_commands({{"GET", "k"}, {"QUIT"}, {"PING"}});
  EXPECT_THAT(quitting.read(3), ElementsAre("nil", "+OK", "")) << "nothing after QUIT is answered";
  client.send("*1\r\n$-5\r\n");
  EXPECT_THAT(client.read(), StartsWith("-ERR Protocol error"));
  EXPECT_EQ(client.read(), "") << "the connection is closed";
}

INSTANTIATE_TEST_SUITE_P(Engines, ProxyServerTest, testing::ValuesIn(engine::test_engines()),
                         engine::test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProxyServerTest);

}  // namespace
}  // namespace keyway::proxy
