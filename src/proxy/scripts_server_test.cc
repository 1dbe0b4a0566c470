// Scripts before real clusters of three shards, whose servers know only those that they were given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "proxy/test_proxy.h"

namespace keyway::proxy {
namespace {

using engine::wait_until;
using testing::ElementsAre;
using testing::StartsWith;

constexpr std::array kKeys = {"AAA", "BBB", "CCC"};  // of three shards
constexpr const char* kAppend = "return redis.call('APPEND', KEYS[1], ARGV[1])";

class ProxyScriptsServerTest : public ProxyBeforeThreeShards {
 protected:
  void SetUp() override {
    ProxyBeforeThreeShards::SetUp();
    ASSERT_NE(proxy_, nullptr);
    ASSERT_EQ(connect()({"SCRIPT", "FLUSH"}), "+OK");
  }

  std::string at_server(size_t node, resp::Command command) {
    auto reply = servers_.fleet.call(cluster_->address(node), std::move(command), 2000);
    return reply ? shown(*reply) : reply.error().message;
  }
  // Not through the proxy.
  void flush_scripts_of_servers() {
    for (size_t node = 0; node < 3; ++node) ASSERT_EQ(at_server(node, {"SCRIPT", "FLUSH"}), "+OK");
  }
  bool shows_scripts() {
    return at_server(0, {"SCRIPT", "SHOW", std::string(40, '0')}).starts_with("-NOSCRIPT");
  }
  static std::string digest_of(TestClient& client, const std::string& script) {
    return client({"EVAL", "return redis.sha1hex(ARGV[1])", "0", script}).substr(1);
  }
};

TEST_P(ProxyScriptsServerTest, WhatOneShardHasCarriedOutIsKnownToAll) {
  TestClient client = connect();
  TestClient other = connect();
  std::string digest = digest_of(client, kAppend);
  EXPECT_THAT(client({"EVALSHA", digest, "1", "AAA", "x"}), StartsWith("-NOSCRIPT"));
  EXPECT_EQ(client({"EVAL", kAppend, "1", "AAA", "x"}), ":1");
  for (const char* key : {"BBB", "CCC"}) {
    EXPECT_EQ(client({"EVALSHA", digest, "1", key, "x"}), ":1") << key;
    EXPECT_EQ(other({"EVALSHA", digest, "1", key, "y"}), ":2") << key;
  }
  EXPECT_EQ(client({"EVALSHA", digest, "2", "AAA", "BBB", "x"}),
            "-CROSSSLOT Keys in request don't hash to the same slot");
}

TEST_P(ProxyScriptsServerTest, LoadedScriptsOutliveTheServersMemory) {
  TestClient client = connect();
  std::string digest = client({"SCRIPT", "LOAD", kAppend}).substr(1);
  flush_scripts_of_servers();
  for (const char* key : kKeys) EXPECT_EQ(client({"EVALSHA", digest, "1", key, "x"}), ":1") << key;
  flush_scripts_of_servers();
  client.send_commands({{"MULTI"}, {"EVALSHA", digest, "1", "AAA", "y"}, {"GET", "AAA"}, {"EXEC"}});
  EXPECT_THAT(client.read(4), ElementsAre("+OK", "+QUEUED", "+QUEUED", testing::_));
  ASSERT_EQ(client({"SCRIPT", "FLUSH"}), "+OK");
  for (const char* key : kKeys)
    EXPECT_THAT(client({"EVALSHA", digest, "1", key, "x"}), StartsWith("-NOSCRIPT")) << key;
}

TEST_P(ProxyScriptsServerTest, WhatOneServerHasIsAskedForWhereServersShowIt) {
  TestClient client = connect();
  ASSERT_THAT(at_server(0, {"SCRIPT", "LOAD", kAppend}), StartsWith("$"));
  std::string digest = digest_of(client, kAppend);
  for (const char* key : kKeys) {
    std::string answer = client({"EVALSHA", digest, "1", key, "x"});
    if (shows_scripts()) {
      EXPECT_EQ(answer, ":1") << key;
    } else {
      EXPECT_TRUE(answer == ":1" || answer.starts_with("-NOSCRIPT")) << answer;
    }
  }
}

TEST_P(ProxyScriptsServerTest, CallsStayInOrderWhereTheScriptIsMissing) {
  TestClient client = connect();
  std::string digest = digest_of(client, kAppend);
  ASSERT_EQ(client({"EVAL", kAppend, "1", "AAA", "x"}), ":1");
  for (const char* key : {"BBB", "CCC"}) {
    client.send_commands({{"EVALSHA", digest, "1", key, "1"},
                          {"EVALSHA", digest, "1", key, "2"},
                          {"EVAL", kAppend, "1", key, "3"},
                          {"GET", key}});
    EXPECT_THAT(client.read(4), ElementsAre(":1", ":2", ":3", "$123")) << key;
  }
}

TEST_P(ProxyScriptsServerTest, TransactionsFindTheirScripts) {
  TestClient client = connect();
  std::string digest = digest_of(client, kAppend);
  ASSERT_EQ(client({"EVAL", kAppend, "1", "AAA", "x"}), ":1");
  ASSERT_EQ(client({"MULTI"}), "+OK");
  EXPECT_EQ(client({"SET", "BBB", "a"}), "+QUEUED");
  EXPECT_EQ(client({"EVALSHA", digest, "1", "BBB", "b"}), "+QUEUED");
  EXPECT_EQ(client({"GET", "BBB"}), "+QUEUED");
  EXPECT_EQ(client({"EXEC"}), "[+OK :2 $ab]");
  client.send_commands({{"MULTI"}, {"EVALSHA", digest, "1", "CCC", "c"}, {"GET", "CCC"}, {"EXEC"}});
  EXPECT_THAT(client.read(4), ElementsAre("+OK", "+QUEUED", "+QUEUED", "[:1 $c]"));
}

// FUNCTION LOAD does not draw what follows it to the connection that other clients need.
TEST_P(ProxyScriptsServerTest, NobodyHangsWhileAFunctionRunsThatCameBehindItsLibrary) {
  TestClient client = connect();
  TestClient other = connect();
  ASSERT_EQ(other({"CONFIG", "SET", "lua-time-limit", "10"}), "+OK");
  client.send_commands(
      {{"FUNCTION", "LOAD", "REPLACE",
        "#!lua name=endless\nredis.register_function('endless', function() while true do end end)"},
       {"FCALL", "endless", "1", "AAA"},
       {"PING"}});
  EXPECT_TRUE(wait_until([&] { return other({"GET", "AAA"}).starts_with("-BUSY"); }));
  EXPECT_EQ(other({"FUNCTION", "KILL"}), "+OK");
  EXPECT_THAT(client.read(3), ElementsAre("$endless", testing::HasSubstr("killed by user"), "+PONG"));
  EXPECT_EQ(other({"FUNCTION", "FLUSH"}), "+OK");
  EXPECT_EQ(other({"CONFIG", "SET", "lua-time-limit", "5000"}), "+OK");
}

INSTANTIATE_TEST_SUITE_P(Engines, ProxyScriptsServerTest, testing::ValuesIn(engine::test_engines()),
                         engine::test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProxyScriptsServerTest);

}  // namespace
}  // namespace keyway::proxy
