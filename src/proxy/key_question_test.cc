// A module's command whose keys only a server can tell, before two servers that answer as they are told to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/format.h"
#include "engine/test_fake_server.h"
#include "proxy/test_proxy.h"
#include "resp/slot.h"

namespace keyway::proxy {
namespace {

std::string bulk_of(std::string_view text) { return fmt::format("${}\r\n{}\r\n", text.size(), text); }

// MOD.LAST has its last argument as its only key, MOD.ALL all of them; neither says so in COMMAND.
std::string command_list() {
  std::string text = "*2\r\n";
  for (const char* name : {"mod.last", "mod.all"})
    text += fmt::format(
        "*10\r\n{}:-2\r\n*2\r\n+write\r\n+movablekeys\r\n:0\r\n:0\r\n:0\r\n*0\r\n*0\r\n*0\r\n*0\r\n",
        bulk_of(name));
  return text;
}

std::string keys_of(const resp::Command& command) {
  if (command[2] == "MOD.LAST" && command.back() == "none")
    return "-ERR The command has no key arguments\r\n";
  if (command.back() == "wrong") return "-ERR Invalid arguments specified for command\r\n";
  size_t first = command[2] == "MOD.LAST" ? command.size() - 1 : 3;
  std::string text = fmt::format("*{}\r\n", command.size() - first);
  for (size_t i = first; i < command.size(); ++i) text += bulk_of(command[i]);
  return text;
}

class KeyQuestionTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 2; ++i)
      servers_.push_back(std::make_unique<engine::FakeServer>(
          io_, [this, i](const resp::Command& command) { return answer(i, command); }));
    thread_ = std::thread([this] {
      auto work = boost::asio::make_work_guard(io_);
      io_.run();
    });
    ProxyOptions options;
    options.listen = {"127.0.0.1", 0};
    options.seeds = {servers_[0]->address()};
    options.workers = 1;
    proxy_ = start_proxy(options);
    ASSERT_NE(proxy_, nullptr);
    ASSERT_TRUE(engine::wait_until(
        [&] { return !TestClient(proxy_->address())({"MOD.LAST"}).starts_with("-ERR unknown command"); }));
  }
  void TearDown() override {
    proxy_.reset();
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  std::string answer(int server, const resp::Command& command) {
    std::string name = command[0] + (command.size() > 1 ? " " + command[1] : "");
    if (name == "CLUSTER NODES") return bulk_of(nodes(server));
    if (name == "COMMAND") return command_list();
    if (name == "COMMAND GETKEYS") {
      std::lock_guard lock(mutex_);
      ++questions_;
      return keys_of(command);
    }
    return fmt::format("+{} {}\r\n", server, command.back());
  }

  std::string nodes(int server) {
    std::string text;
    for (int i = 0; i < 2; ++i) {
      Address address = servers_[static_cast<size_t>(i)]->address();
      text += fmt::format("{} {}:{}@{} {}master - 0 0 {} connected {}\n", std::string(40, i == 0 ? 'a' : 'b'),
                          address.host, address.port, address.port, i == server ? "myself," : "", i + 1,
                          i == 0 ? "0-8191" : "8192-16383");
    }
    return text;
  }

  int questions() {
    std::lock_guard lock(mutex_);
    return questions_;
  }

  // As the server answers that owns the key.
  static std::string owned(const std::string& key) {
    return fmt::format("+{} {}", resp::key_slot(key) < 8192 ? 0 : 1, key);
  }

  boost::asio::io_context io_;
  std::vector<std::unique_ptr<engine::FakeServer>> servers_;
  std::thread thread_;
  std::mutex mutex_;
  int questions_ = 0;
  std::unique_ptr<Proxy> proxy_;
};

TEST_F(KeyQuestionTest, GoesWhereItsKeysBelong) {
  TestClient client(proxy_->address());
  for (const char* key : {"a", "b", "foo", "bar", "{a}b"})
    EXPECT_EQ(client({"MOD.LAST", "other", key}), owned(key)) << key;
  int asked = questions();
  EXPECT_EQ(client({"MOD.ALL", "{a}1", "{a}2", "a"}), owned("a"));
  EXPECT_EQ(client({"GET", "a"}), owned("a"));
  EXPECT_EQ(questions(), asked + 1) << "of nothing else";
  EXPECT_EQ(client({"MOD.ALL", "foo", "bar"}), "-CROSSSLOT Keys in request don't hash to the same slot");
}

TEST_F(KeyQuestionTest, InTheOrderOfThePipeline) {
  TestClient client(proxy_->address());
  client.send_commands({{"GET", "foo"}, {"MOD.LAST", "a"}, {"MOD.LAST", "bar"}, {"GET", "a"}});
  EXPECT_EQ(client.read(4), (std::vector<std::string>{owned("foo"), owned("a"), owned("bar"), owned("a")}));
}

TEST_F(KeyQuestionTest, WithoutKeysAnyServerWillDo) {
  TestClient client(proxy_->address());
  EXPECT_THAT(client({"MOD.LAST", "none"}), testing::EndsWith(" none"));
  EXPECT_EQ(client({"MOD.LAST", "wrong"}), "-ERR Invalid arguments specified for command");
  EXPECT_EQ(client({"GET", "foo"}), owned("foo"));
}

TEST_F(KeyQuestionTest, NotWithinATransaction) {
  TestClient client(proxy_->address());
  ASSERT_EQ(client({"MULTI"}), "+OK");
  EXPECT_THAT(client({"MOD.LAST", "a"}), testing::HasSubstr("which keys 'mod.last' has cannot be told"));
}

}  // namespace
}  // namespace keyway::proxy
