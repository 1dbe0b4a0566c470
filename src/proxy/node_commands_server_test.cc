// KEYWAY before real clusters: what one node says of itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "proxy/test_proxy.h"

namespace keyway::proxy {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using NodeCommandsServerTest = ProxyBeforeThreeShards;

TEST_P(NodeCommandsServerTest, EachNodeSpeaksForItself) {
  TestClient client = connect();
  for (const char* key : {"a", "b", "c", "d", "e"}) ASSERT_EQ(client({"SET", key, "v"}), "+OK");
  std::vector<resp::Reply> nodes = client.call({"KEYWAY", "NODES"}).elements;
  ASSERT_EQ(nodes.size(), 3U);
  int64_t keys = 0;
  int64_t slots = 0;
  for (const resp::Reply& node : nodes) {
    ASSERT_EQ(node.elements.size(), 5U);
    const std::string& address = node.elements[0].text;
    EXPECT_EQ(node.elements[1].text, "primary");
    EXPECT_EQ(node.elements[2].text, "ok");
    slots += node.elements[3].integer;
    std::string port = address.substr(address.find(':') + 1);
    EXPECT_THAT(client({"KEYWAY", "NODE", address, "INFO", "server"}), HasSubstr("tcp_port:" + port));
    EXPECT_EQ(client({"keyway", "node", node.elements[4].text, "config", "get", "port"}),
              fmt::format("[$port ${}]", port));
    keys += client.call({"KEYWAY", "NODE", address, "DBSIZE"}).integer;
    EXPECT_THAT(client({"KEYWAY", "NODE", address, "SLOWLOG", "GET", "1"}), StartsWith("["));
    EXPECT_THAT(client({"KEYWAY", "NODE", address, "MEMORY", "STATS"}), HasSubstr("peak.allocated"));
  }
  EXPECT_EQ(keys, 5);
  EXPECT_EQ(slots, 16384);
}

TEST_P(NodeCommandsServerTest, RefusesWhatIsNotForOneNode) {
  TestClient client = connect();
  std::string address = client.call({"KEYWAY", "NODES"}).elements.at(0).elements.at(0).text;
  EXPECT_THAT(client({"KEYWAY", "NODE", "127.0.0.1:1", "INFO"}), HasSubstr("no such node"));
  for (const resp::Command& command : {resp::Command{"GET", "a"},
                                       {"SHUTDOWN"},
                                       {"CLIENT", "REPLY", "OFF"},
                                       {"MULTI"},
                                       {"SUBSCRIBE", "a"},
                                       {"SCRIPT", "DEBUG", "YES"},
                                       {"ASKING"}}) {
    resp::Command whole = {"KEYWAY", "NODE", address};
    whole.insert(whole.end(), command.begin(), command.end());
    EXPECT_THAT(client(whole), HasSubstr("cannot be sent to one node")) << command[0];
  }
  EXPECT_THAT(client({"KEYWAY", "NODE", address, "NOSUCH"}), StartsWith("-ERR unknown command 'NOSUCH'"));
  EXPECT_THAT(client({"KEYWAY", "NODE", address, "CONFIG", "NO"}), StartsWith("-ERR unknown subcommand"));
  EXPECT_THAT(client({"KEYWAY", "NODE", address, "ECHO"}), StartsWith("-ERR wrong number"));
  EXPECT_THAT(client({"KEYWAY", "NODE", address}), HasSubstr("Try KEYWAY HELP"));
  EXPECT_THAT(client({"KEYWAY", "HELP"}), HasSubstr("+NODES"));
  ASSERT_EQ(client({"MULTI"}), "+OK");
  EXPECT_THAT(client({"KEYWAY", "NODES"}), HasSubstr("not possible in a transaction"));
  EXPECT_EQ(client({"DISCARD"}), "+OK");
  EXPECT_EQ(client({"PING"}), "+PONG");
}

TEST_P(NodeCommandsServerTest, UsersHaveTheRightsThatTheyHave) {
  TestClient admin = connect();
  std::string address = admin.call({"KEYWAY", "NODES"}).elements.at(0).elements.at(0).text;
  ASSERT_EQ(admin({"ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@read", "+info"}), "+OK");
  TestClient client = connect();
  ASSERT_EQ(client({"AUTH", "reader", "secret"}), "+OK");
  EXPECT_THAT(client({"KEYWAY", "NODE", address, "INFO", "server"}), HasSubstr("tcp_port:"));
  EXPECT_THAT(client({"KEYWAY", "NODE", address, "CONFIG", "GET", "port"}), StartsWith("-NOPERM"));
  EXPECT_EQ(admin({"ACL", "DELUSER", "reader"}), ":1");
}

TEST_P(NodeCommandsServerTest, InvalidationsGoToNobodyWhoIsNotThere) {
  std::vector<TestClient> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(connect());  // of both workers
  for (TestClient& client : clients) {
    EXPECT_EQ(client({"CLIENT", "TRACKING", "ON", "REDIRECT", "123456789"}),
              "-ERR The client ID you want redirect to does not exist");
    EXPECT_EQ(client({"CLIENT", "GETREDIR"}), ":-1");
    for (TestClient& other : clients) {
      std::string id = other({"CLIENT", "ID"}).substr(1);
      EXPECT_EQ(client({"CLIENT", "TRACKING", "ON", "REDIRECT", id}), "+OK");
      EXPECT_EQ(client({"CLIENT", "GETREDIR"}), ":" + id);
      EXPECT_EQ(client({"CLIENT", "TRACKING", "OFF"}), "+OK");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, NodeCommandsServerTest, testing::ValuesIn(engine::test_engines()),
                         engine::test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NodeCommandsServerTest);

}  // namespace
}  // namespace keyway::proxy
