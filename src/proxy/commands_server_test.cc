// Commands whose meaning is the connection's or the whole cluster's, before real clusters of three shards and
// two workers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/format.h"
#include "proxy/test_proxy.h"

namespace keyway::proxy {
namespace {

using engine::wait_until;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ProxyCommandsServerTest : public ProxyBeforeThreeShards {
 protected:
  // Until the client waits in a command for which its server was asked.
  bool waits(TestClient& other, const std::string& id, const std::string& command) {
    return wait_until(
        [&] { return other({"CLIENT", "LIST", "ID", id}).find("cmd=" + command) != std::string::npos; });
  }
};

std::string id_of(TestClient& client) { return client({"CLIENT", "ID"}).substr(1); }

TEST_P(ProxyCommandsServerTest, ClientsOfAllWorkersAreListedAndKilled) {
  std::vector<TestClient> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(connect());
    ASSERT_EQ(clients.back()({"CLIENT", "SETNAME", fmt::format("c{}", i)}), "+OK");
  }
  std::string list = clients.front()({"CLIENT", "LIST"});
  for (int i = 0; i < 12; ++i) EXPECT_THAT(list, HasSubstr(fmt::format(" name=c{} ", i)));
  EXPECT_THAT(clients.front()({"CLIENT", "LIST", "ID", id_of(clients[3]), id_of(clients[4])}),
              testing::AllOf(HasSubstr("name=c3 "), HasSubstr("name=c4 "), Not(HasSubstr("name=c5 "))));
  EXPECT_EQ(clients.front()({"CLIENT", "KILL", "TYPE", "normal"}), ":11");
  for (size_t i = 1; i < clients.size(); ++i) EXPECT_EQ(clients[i].receive(), std::nullopt) << i;
  EXPECT_THAT(clients.front()({"CLIENT", "LIST"}), Not(HasSubstr("name=c1 ")));
  EXPECT_THAT(clients.front()({"CLIENT", "KILL", "ID", "0"}), StartsWith("-ERR"));
  EXPECT_THAT(clients.front()({"CLIENT", "LIST", "TYPE", "none"}), StartsWith("-ERR Unknown client type"));
}

TEST_P(ProxyCommandsServerTest, PauseHoldsWritesOfAllWorkersBack) {
  std::vector<TestClient> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(connect());
  TestClient boss = connect();
  ASSERT_EQ(boss({"CLIENT", "PAUSE", "60000", "WRITE"}), "+OK");
  for (TestClient& client : clients) {
    EXPECT_EQ(client({"GET", "none"}), "nil");
    client.send_command({"INCR", "paused"});
  }
  ASSERT_TRUE(
      wait_until([&] { return boss({"INFO", "clients"}).find("blocked_clients:6") != std::string::npos; }));
  EXPECT_EQ(boss({"GET", "paused"}), "nil");
  ASSERT_EQ(boss({"CLIENT", "UNPAUSE"}), "+OK");
  for (TestClient& client : clients) EXPECT_THAT(client.read(), StartsWith(":"));
  EXPECT_EQ(boss({"GET", "paused"}), "$6");
  ASSERT_EQ(boss({"CLIENT", "PAUSE", "50"}), "+OK");
  EXPECT_EQ(clients[0]({"GET", "paused"}), "$6") << "it ends by itself";
  EXPECT_EQ(boss({"CLIENT", "PAUSE", "9223372036854775807"}), "-ERR timeout is out of range");
  EXPECT_EQ(boss({"CLIENT", "PAUSE", "-1"}), "-ERR timeout is negative");
}

TEST_P(ProxyCommandsServerTest, UnblockEndsAWait) {
  TestClient waiting = connect();
  TestClient other = connect();
  std::string id = id_of(waiting);
  for (const char* reason : {"TIMEOUT", "ERROR"}) {
    waiting.send_command({"BLPOP", "empty", "0"});
    ASSERT_TRUE(waits(other, id, "blpop"));
    ASSERT_TRUE(wait_until([&] { return other({"CLIENT", "UNBLOCK", id, reason}) == ":1"; }));
    std::string answer = waiting.read();
    EXPECT_EQ(answer.substr(0, 10), std::string(reason) == "ERROR" ? "-UNBLOCKED" : "nil");
  }
  EXPECT_EQ(other({"CLIENT", "UNBLOCK", id}), ":0");
  EXPECT_EQ(waiting({"PING"}), "+PONG");
}

TEST_P(ProxyCommandsServerTest, MonitorShowsWhatAllShardsDo) {
  TestClient watcher = connect();
  ASSERT_EQ(watcher({"MONITOR"}), "+OK");
  TestClient client = connect();
  std::set<std::string> missing;
  for (const char* key : {"AAA", "BBB", "CCC"}) {
    ASSERT_EQ(client({"SET", key, "seen"}), "+OK");
    missing.insert(fmt::format("\"SET\" \"{}\" \"seen\"", key));
  }
  while (!missing.empty()) {
    std::string line = watcher.read();
    ASSERT_NE(line, "") << "never shown: " << *missing.begin();
    std::erase_if(missing, [&](const std::string& wanted) { return line.find(wanted) != std::string::npos; });
  }
  watcher.send_command({"RESET"});
  std::string line = watcher.read();
  while (line != "+RESET" && !line.empty()) line = watcher.read();
  EXPECT_EQ(watcher({"PING"}), "+PONG");
}

TEST_P(ProxyCommandsServerTest, WaitAsksAllShardsOnConnectionsOfItsOwn) {
  TestClient client = connect();
  ASSERT_EQ(client({"SET", "AAA", "1"}), "+OK");
  EXPECT_EQ(client({"WAIT", "0", "100"}), ":0");
  TestClient waiting = connect();
  waiting.send_command({"WAIT", "1", "400"});
  EXPECT_EQ(client({"GET", "AAA"}), "$1") << "others go on meanwhile";
  EXPECT_EQ(waiting.read(), ":0") << "there is no replica";
}

TEST_P(ProxyCommandsServerTest, ShardChannelsOfSeveralShards) {
  TestClient listener = connect();
  EXPECT_EQ(listener({"SSUBSCRIBE", "AAA"}), "[$ssubscribe $AAA :1]");
  EXPECT_EQ(listener({"SSUBSCRIBE", "BBB"}), "[$ssubscribe $BBB :2]");
  TestClient client = connect();
  EXPECT_EQ(client({"SPUBLISH", "AAA", "x"}), ":1");
  EXPECT_EQ(listener.read(), "[$smessage $AAA $x]");
  EXPECT_EQ(client({"SPUBLISH", "BBB", "y"}), ":1");
  EXPECT_EQ(listener.read(), "[$smessage $BBB $y]");
  listener.send_command({"SUNSUBSCRIBE"});
  EXPECT_THAT(listener.read(2), ElementsAre(StartsWith("[$sunsubscribe"), StartsWith("[$sunsubscribe")));
  EXPECT_EQ(listener({"GET", "none"}), "nil") << "no subscription is left";
}

TEST_P(ProxyCommandsServerTest, WhatAServerRefusesOfATransactionIsToldAtOnce) {
  TestClient boss = connect();
  ASSERT_EQ(boss({"ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@read", "+multi", "+exec", "+discard",
                  "+ping", "+hello", "+client|id"}),
            "+OK");
  TestClient client = connect();
  ASSERT_EQ(client({"AUTH", "reader", "pw"}), "+OK");
  EXPECT_EQ(client({"MULTI"}), "+OK");
  EXPECT_EQ(client({"GET", "k"}), "+QUEUED");
  EXPECT_THAT(client({"SET", "k", "v"}), StartsWith("-NOPERM"));
  EXPECT_THAT(client({"EXEC"}), StartsWith("-EXECABORT"));
  EXPECT_EQ(client({"MULTI"}), "+OK");
  EXPECT_EQ(client({"GET", "k"}), "+QUEUED");
  EXPECT_EQ(client({"EXEC"}), "[nil]");
  // In one go, nobody looks at the first answers before the last.
  client.send_commands({{"MULTI"}, {"GET", "k"}, {"SET", "k", "v"}, {"EXEC"}});
  EXPECT_THAT(client.read(4), ElementsAre("+OK", "+QUEUED", "+QUEUED", HasSubstr("NOPERM")));
  EXPECT_EQ(boss({"ACL", "DELUSER", "reader"}), ":1");
}

TEST_P(ProxyCommandsServerTest, ABusyServerSaysSoAndScriptsCanBeKilled) {
  TestClient boss = connect();
  ASSERT_EQ(boss({"CONFIG", "SET", "lua-time-limit", "10"}), "+OK");
  TestClient busy = connect();
  busy.send_command({"EVAL", "while true do end", "1", "k"});
  TestClient client = connect();
  ASSERT_TRUE(wait_until([&] { return client({"GET", "k"}).starts_with("-BUSY"); }));
  EXPECT_EQ(client({"SCRIPT", "KILL"}), "+OK");
  EXPECT_THAT(busy.read(), StartsWith("-ERR"));
  EXPECT_EQ(client({"GET", "k"}), "nil");
  ASSERT_EQ(boss({"CONFIG", "SET", "lua-time-limit", "5000"}), "+OK");
}

TEST_P(ProxyCommandsServerTest, ServersTellOfKeysThatChange) {
  TestClient reader = connect();
  ASSERT_THAT(reader({"HELLO", "3"}), StartsWith("["));
  ASSERT_EQ(reader({"CLIENT", "TRACKING", "ON"}), "+OK");
  TestClient writer = connect();
  for (const char* key : {"AAA", "BBB", "CCC"}) {
    EXPECT_EQ(reader({"GET", key}), "nil");
    EXPECT_EQ(writer({"SET", key, "1"}), "+OK");
    EXPECT_EQ(reader.read(), fmt::format("[$invalidate [${}]]", key));
  }
  EXPECT_EQ(writer({"SET", "BBB", "2"}), "+OK");
  EXPECT_EQ(reader({"GET", "BBB"}), "$2") << "a key is told of once";
  ASSERT_EQ(reader({"CLIENT", "TRACKING", "OFF"}), "+OK");
  EXPECT_EQ(writer({"SET", "BBB", "3"}), "+OK");
  EXPECT_EQ(reader({"GET", "BBB"}), "$3");
  EXPECT_THAT(reader({"CLIENT", "TRACKING", "ON", "PREFIX", "a"}), HasSubstr("BCAST"));
  EXPECT_EQ(reader({"CLIENT", "GETREDIR"}), ":-1");
}

TEST_P(ProxyCommandsServerTest, KeysThatChangeAreToldToAnotherClient) {
  TestClient listener = connect();
  std::string id = id_of(listener);
  ASSERT_EQ(listener({"SUBSCRIBE", "__redis__:invalidate"}), "[$subscribe $__redis__:invalidate :1]");
  TestClient reader = connect();
  ASSERT_EQ(reader({"CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST", "PREFIX", "B"}), "+OK");
  EXPECT_EQ(reader({"CLIENT", "GETREDIR"}), ":" + id);
  TestClient writer = connect();
  EXPECT_EQ(writer({"SET", "AAA", "1"}), "+OK");
  EXPECT_EQ(writer({"SET", "BBB", "1"}), "+OK");
  EXPECT_EQ(listener.read(), "[$message $__redis__:invalidate [$BBB]]");
}

TEST_P(ProxyCommandsServerTest, OnlyWhatTheClientAskedForIsTracked) {
  TestClient reader = connect();
  ASSERT_THAT(reader({"HELLO", "3"}), StartsWith("["));
  ASSERT_EQ(reader({"CLIENT", "TRACKING", "ON", "OPTIN"}), "+OK");
  TestClient writer = connect();
  EXPECT_EQ(reader({"GET", "plain"}), "nil");
  EXPECT_EQ(reader({"CLIENT", "CACHING", "YES"}), "+OK");
  EXPECT_EQ(reader({"MGET", "AAA", "BBB"}), "[nil nil]");
  for (const char* key : {"plain", "AAA", "BBB"}) EXPECT_EQ(writer({"SET", key, "1"}), "+OK");
  EXPECT_THAT(reader.read(2), testing::UnorderedElementsAre("[$invalidate [$AAA]]", "[$invalidate [$BBB]]"));
}

TEST_P(ProxyCommandsServerTest, TrackingOutlivesAnotherProtocol) {
  TestClient listener = connect();
  TestClient reader = connect();
  TestClient writer = connect();
  std::string id = id_of(listener);
  ASSERT_THAT(listener({"SUBSCRIBE", "__redis__:invalidate"}), StartsWith("[$subscribe"));
  ASSERT_EQ(reader({"CLIENT", "TRACKING", "ON", "REDIRECT", id}), "+OK");
  EXPECT_EQ(reader({"GET", "AAA"}), "nil");
  ASSERT_THAT(reader({"HELLO", "3"}), StartsWith("["));
  EXPECT_EQ(reader({"HGETALL", "none"}), "[]");
  ASSERT_EQ(writer({"SET", "AAA", "1"}), "+OK");
  EXPECT_EQ(listener.read(), "[$message $__redis__:invalidate [$AAA]]")
      << "read before, and nothing else is told";
  EXPECT_EQ(reader({"GET", "BBB"}), "nil");
  ASSERT_EQ(writer({"SET", "BBB", "1"}), "+OK");
  EXPECT_EQ(listener.read(), "[$message $__redis__:invalidate [$BBB]]");
}

// With NOLOOP nobody is told of his own writes, in a transaction neither.
TEST_P(ProxyCommandsServerTest, TransactionsOfTrackingClientsGoByTheirConnection) {
  TestClient reader = connect();
  ASSERT_THAT(reader({"HELLO", "3"}), StartsWith("["));
  ASSERT_EQ(reader({"CLIENT", "TRACKING", "ON", "BCAST", "NOLOOP"}), "+OK");
  EXPECT_THAT(reader({"CLIENT", "TRACKINGINFO"}), testing::EndsWith("$prefixes [$]]"));
  ASSERT_EQ(reader({"MULTI"}), "+OK");
  EXPECT_EQ(reader({"SET", "AAA", "own"}), "+QUEUED");
  EXPECT_EQ(reader({"EXEC"}), "[+OK]");
  TestClient writer = connect();
  ASSERT_EQ(writer({"SET", "BBB", "other"}), "+OK");
  EXPECT_EQ(reader.read(), "[$invalidate [$BBB]]");
}

TEST_P(ProxyCommandsServerTest, ServersSeeTransactionsAsTheyWereWritten) {
  TestClient watcher = connect();
  ASSERT_EQ(watcher({"MONITOR"}), "+OK");
  TestClient client = connect();
  client.send_commands({{"mUlTi"}, {"SET", "AAA", "1"}, {"eXeC"}});
  client.read(3);
  std::vector<std::string> missing = {"\"eXeC\"", "\"SET\" \"AAA\"", "\"mUlTi\""};
  while (!missing.empty()) {
    std::string line = watcher.read();
    ASSERT_NE(line, "") << "never shown: " << missing.back();
    if (line.find(missing.back()) != std::string::npos) missing.pop_back();
  }
}

TEST_P(ProxyCommandsServerTest, RandomKeysAreOfAllShards) {
  TestClient client = connect();
  std::set<std::string> missing;
  for (const char* key : {"AAA", "BBB", "CCC"}) {
    ASSERT_EQ(client({"SET", key, "1"}), "+OK");
    missing.insert(std::string("$") + key);
  }
  EXPECT_TRUE(wait_until([&] {
    missing.erase(client({"RANDOMKEY"}));
    return missing.empty();
  })) << "never drawn: "
      << *missing.begin();
}

INSTANTIATE_TEST_SUITE_P(Engines, ProxyCommandsServerTest, testing::ValuesIn(engine::test_engines()),
                         engine::test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProxyCommandsServerTest);

}  // namespace
}  // namespace keyway::proxy
