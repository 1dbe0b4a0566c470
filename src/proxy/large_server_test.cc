// Large commands that are passed on in pieces, before real clusters; of 64 bytes already, so that pieces can
// be sent one by one. Values of 64 MB: tests/integration/test_proxy_large.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "proxy/test_proxy.h"

namespace keyway::proxy {
namespace {

using engine::wait_until;
using testing::HasSubstr;
using testing::StartsWith;

class LargeCommandsServerTest : public ProxyBeforeThreeShards {
 protected:
  void SetUp() override {
    ProxyBeforeThreeShards::SetUp();
    if (proxy_ == nullptr) return;
    options_ = options_before(*cluster_);
    options_.limits.max_held_bytes = 64;
    options_.limits.max_request_bytes = 10'000;
    proxy_ = start_proxy(options_);
    ASSERT_NE(proxy_, nullptr);
  }

  TestClient at(size_t node) {
    TestClient client(cluster_->address(node));
    EXPECT_EQ(client({"AUTH", engine::kTestUser, engine::kTestPassword}), "+OK");
    return client;
  }

  // How often a command was carried out, as all servers together count.
  int64_t calls(const std::string& command) {
    int64_t sum = 0;
    for (size_t node = 0; node < 3; ++node) {
      std::string text = at(node)({"INFO", "commandstats"});
      size_t at = text.find("cmdstat_" + command + ":calls=");
      if (at == std::string::npos) continue;
      sum += std::stoll(text.substr(text.find('=', at) + 1));
    }
    return sum;
  }

  ProxyOptions options_;
};

std::string bytes_of(const resp::Command& command) {
  std::string bytes;
  resp::append(bytes, command);
  return bytes;
}

TEST_P(LargeCommandsServerTest, ComeInAnyPiecesAndAreAnsweredInOrder) {
  std::string text = bytes_of({"ECHO", "before"}) + bytes_of({"SET", "a", std::string(500, 'a')}) +
                     bytes_of({"APPEND", "a", std::string(300, 'b')}) + bytes_of({"STRLEN", "a"}) +
                     bytes_of({"MSET", "b", std::string(200, 'c')}) + bytes_of({"ECHO", "behind"});
  const std::vector<std::string> expected = {"$before", "+OK", ":800", ":800", "+OK", "$behind"};
  for (size_t piece_bytes : {size_t{1}, size_t{2}, size_t{7}, size_t{64}, size_t{100}, size_t{2000}}) {
    TestClient client = connect();
    for (size_t at = 0; at < text.size(); at += piece_bytes)
      client.send(std::string_view(text).substr(at, piece_bytes));
    EXPECT_EQ(client.read(expected.size()), expected) << piece_bytes;
  }
  EXPECT_EQ(connect()({"STRLEN", "b"}), ":200");
}

TEST_P(LargeCommandsServerTest, OfManyArguments) {
  resp::Command push = {"RPUSH", "list"};
  for (int i = 0; i < 400; ++i) push.push_back(std::to_string(i));
  TestClient client = connect();
  EXPECT_EQ(client(push), ":400");
  EXPECT_EQ(client({"LRANGE", "list", "-2", "-1"}), "[$398 $399]");
  resp::Command set = {"HSET", "hash"};
  for (int i = 0; i < 100; ++i) set.insert(set.end(), {std::to_string(i), std::string(50, 'v')});
  EXPECT_EQ(client(set), ":100");
  EXPECT_EQ(client({"HLEN", "hash"}), ":100");
}

TEST_P(LargeCommandsServerTest, ServersErrorsAreTheirOwn) {
  TestClient client = connect();
  ASSERT_EQ(client({"RPUSH", "list", "x"}), ":1");
  EXPECT_THAT(client({"APPEND", "list", std::string(500, 'a')}), StartsWith("-WRONGTYPE"));
  EXPECT_THAT(client({"SET", "a", std::string(500, 'a'), "NONSENSE"}), StartsWith("-ERR syntax"));
  EXPECT_EQ(client({"MSET", "a", std::string(500, 'a'), "b", "c"}), "+OK") << "in two slots";
  EXPECT_EQ(client({"STRLEN", "a"}), ":500");
}

TEST_P(LargeCommandsServerTest, WithinATransactionTheyAreKept) {
  TestClient client = connect();
  ASSERT_EQ(client({"MULTI"}), "+OK");
  EXPECT_EQ(client({"SET", "a", std::string(500, 'a')}), "+QUEUED");
  EXPECT_EQ(client({"STRLEN", "a"}), "+QUEUED");
  EXPECT_EQ(client({"EXEC"}), "[+OK :500]");
}

TEST_P(LargeCommandsServerTest, BoundedByWhatTheyAnnounce) {
  TestClient client = connect();
  client.send("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$9990\r\nxyz");
  EXPECT_EQ(client.read(), "-ERR Protocol error: too big request");
  EXPECT_EQ(client.read_to_end(), "");
  TestClient wrong = connect();
  wrong.send("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100\r\n" + std::string(100, 'x') + "xx");
  EXPECT_EQ(wrong.read(), "-ERR Protocol error: expected CRLF after a bulk");
  EXPECT_EQ(wrong.read_to_end(), "");
  EXPECT_EQ(connect()({"EXISTS", "a"}), ":0");
}

TEST_P(LargeCommandsServerTest, HalfOfOneIsNeverCarriedOut) {
  int64_t before = calls("set");
  for (bool drops : {false, true}) {
    TestClient client = connect();
    int64_t asked = calls("exists");
    client.send("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100\r\n" + std::string(99, 'x'));
    ASSERT_TRUE(wait_until([&] { return calls("exists") > asked; }));
    if (drops) {
      client.drop();
    } else {
      client.end_commands();
      EXPECT_EQ(client.read_to_end(), "");
    }
  }
  EXPECT_TRUE(wait_until([&] { return connect()({"CLIENT", "LIST"}).find("cmd=set") == std::string::npos; }));
  EXPECT_EQ(calls("set"), before);
  EXPECT_EQ(connect()({"EXISTS", "a"}), ":0");
}

TEST_P(LargeCommandsServerTest, UsersWhoMayDoNothingElse) {
  TestClient admin = connect();
  ASSERT_EQ(admin({"ACL", "SETUSER", "writer", "on", ">secret", "~mine:*", "+set"}), "+OK");
  TestClient client = connect();
  ASSERT_EQ(client({"AUTH", "writer", "secret"}), "+OK");
  EXPECT_THAT(client({"EXISTS", "mine:a"}), StartsWith("-NOPERM"));
  EXPECT_EQ(client({"SET", "mine:a", std::string(500, 'a')}), "+OK");
  EXPECT_THAT(client({"SET", "others", std::string(500, 'a')}), StartsWith("-NOPERM"));
  EXPECT_THAT(client({"APPEND", "mine:a", std::string(500, 'a')}), StartsWith("-NOPERM"));
  EXPECT_EQ(admin({"STRLEN", "mine:a"}), ":500");
  EXPECT_EQ(admin({"ACL", "DELUSER", "writer"}), ":1");
}

TEST_P(LargeCommandsServerTest, APauseHoldsThemBack) {
  TestClient admin = connect();
  TestClient client = connect();
  ASSERT_EQ(client({"SET", "a", "v"}), "+OK");
  ASSERT_EQ(admin({"CLIENT", "PAUSE", "60000", "WRITE"}), "+OK");
  client.send_command({"SET", "a", std::string(500, 'a')});
  EXPECT_TRUE(wait_until([&] {
    return admin({"INFO", "clients"}).find("paused_clients:1") != std::string::npos ||
           admin({"STRLEN", "a"}) == ":1";
  }));
  EXPECT_EQ(admin({"STRLEN", "a"}), ":1");
  ASSERT_EQ(admin({"CLIENT", "UNPAUSE"}), "+OK");
  EXPECT_EQ(client.read(), "+OK");
  EXPECT_EQ(admin({"STRLEN", "a"}), ":500");
}

TEST_P(LargeCommandsServerTest, FollowSlotsThatMove) {
  TestClient client = connect();
  std::string big(500, 'a');
  ASSERT_EQ(client({"SET", "a", "v"}), "+OK");
  ASSERT_EQ(client({"DEL", "a"}), ":1");
  std::string slot = client({"CLUSTER", "KEYSLOT", "a"}).substr(1);
  size_t owner = 0;
  while (at(owner)({"EXISTS", "a"}) != ":0") ++owner;
  size_t to = (owner + 1) % 3;
  std::string from_id = at(owner)({"CLUSTER", "MYID"}).substr(1);
  std::string to_id = at(to)({"CLUSTER", "MYID"}).substr(1);
  TestClient at_owner = at(owner);
  TestClient at_target = at(to);
  ASSERT_EQ(at_target({"CLUSTER", "SETSLOT", slot, "IMPORTING", from_id}), "+OK");
  ASSERT_EQ(at_owner({"CLUSTER", "SETSLOT", slot, "MIGRATING", to_id}), "+OK");
  EXPECT_EQ(client({"SET", "a", big}), "+OK") << "by ASK";
  EXPECT_EQ(at_target({"CLUSTER", "COUNTKEYSINSLOT", slot}), ":1");
  ASSERT_EQ(at_target({"CLUSTER", "SETSLOT", slot, "NODE", to_id}), "+OK");
  ASSERT_EQ(at_owner({"CLUSTER", "SETSLOT", slot, "NODE", to_id}), "+OK");
  EXPECT_EQ(client({"APPEND", "a", big}), ":1000") << "by MOVED";
  // Between the question and the end of it: nothing is carried out, and the client is told.
  int64_t asked = calls("exists");
  client.send("*3\r\n$6\r\nAPPEND\r\n$1\r\na\r\n$100\r\n" + std::string(90, 'x'));
  ASSERT_TRUE(wait_until([&] { return calls("exists") > asked; }));
  ASSERT_EQ(at_target({"DEL", "a"}), ":1");
  ASSERT_EQ(at_owner({"CLUSTER", "SETSLOT", slot, "NODE", from_id}), "+OK");
  ASSERT_EQ(at_target({"CLUSTER", "SETSLOT", slot, "NODE", from_id}), "+OK");
  client.send(std::string(10, 'x') + "\r\n");
  EXPECT_THAT(client.read(), HasSubstr("TRYAGAIN keyway: the slot was moved"));
  EXPECT_EQ(client({"APPEND", "a", big}), ":500");
}

INSTANTIATE_TEST_SUITE_P(Engines, LargeCommandsServerTest, testing::ValuesIn(engine::test_engines()),
                         engine::test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LargeCommandsServerTest);

}  // namespace
}  // namespace keyway::proxy
