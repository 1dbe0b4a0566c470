// Imports into real clusters of every engine at hand, from servers and clusters in use.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "admin/test_session.h"
#include "admin/transfer.h"
#include "resp/slot.h"

namespace keyway::admin {
namespace {

using engine::TestEngine;
using engine::TestServer;
using resp::Command;
using resp::Reply;
using testing::HasSubstr;

engine::ClusterOfEachEngine* clusters = nullptr;

class Clusters : public testing::Environment {
 public:
  void SetUp() override { clusters = new engine::ClusterOfEachEngine(3, 0); }
  void TearDown() override {
    delete clusters;
    clusters = nullptr;
  }
};
const testing::Environment* const kClusters = testing::AddGlobalTestEnvironment(new Clusters);

// What a key holds, as text that is the same wherever it is.
std::string contents(engine::Servers& servers, const Address& address, const std::string& key) {
  auto ask = [&](const Command& command) { return *servers.call(address, command, 10'000); };
  std::string type = ask({"TYPE", key}).text;
  Reply reply = type == "string"   ? ask({"GET", key})
                : type == "list"   ? ask({"LRANGE", key, "0", "-1"})
                : type == "set"    ? ask({"SMEMBERS", key})
                : type == "zset"   ? ask({"ZRANGE", key, "0", "-1", "WITHSCORES"})
                : type == "hash"   ? ask({"HGETALL", key})
                : type == "stream" ? ask({"XRANGE", key, "-", "+"})
                                   : Reply{};
  std::vector<std::string> parts;
  for (size_t i = 0; i < reply.elements.size(); ++i) {
    std::string part = reply.elements[i].text;
    for (const Reply& inner : reply.elements[i].elements) {
      part += inner.text + "/";
      for (const Reply& innermost : inner.elements) part += innermost.text + ",";
    }
    bool pair = type == "hash" && i + 1 < reply.elements.size();
    if (pair) part += "=" + reply.elements[++i].text;
    parts.push_back(part);
  }
  if (type == "set" || type == "hash") std::sort(parts.begin(), parts.end());
  if (type == "stream") {
    Reply groups = ask({"XINFO", "GROUPS", key});
    parts.push_back(std::to_string(groups.elements.size()));
  }
  return type + ":" + reply.text + ":" + join(parts, "|");
}

class ImportTest : public testing::TestWithParam<TestEngine> {
 protected:
  void SetUp() override {
    cluster_ = clusters->of(GetParam(), session_.fleet);
    ASSERT_NE(cluster_, nullptr);
    for (size_t i = 0; i < 3; ++i) {
      session_.text(cluster_->address(i), {"CONFIG", "SET", "maxmemory", "0"});
      session_.text(cluster_->address(i), {"FLUSHALL"});
    }
    source_.start("databases 16\nrequirepass of-the-source");
    ASSERT_TRUE(engine::wait_until([&] { return say({"PING"}).text == "PONG"; }));
    options_.from = source_.address();
    options_.from_servers = &from_.fleet;
  }

  // To the source's database.
  Reply say(const Command& command) {
    std::vector<engine::Response> responses = from_.fleet.exchange(
        {{source_.address(), {{"SELECT", std::to_string(options_.from_database)}, command}}}, 30'000);
    if (!responses[0].ok()) return error_reply(responses[0].error->message);
    return responses[0].replies.back();
  }
  void say_all(const std::vector<Command>& commands) {
    std::vector<Command> all = {{"SELECT", std::to_string(options_.from_database)}};
    all.insert(all.end(), commands.begin(), commands.end());
    engine::Response response = from_.fleet.exchange({{source_.address(), all}}, 30'000)[0];
    ASSERT_TRUE(response.ok());
    for (const Reply& reply : response.replies) ASSERT_FALSE(reply.is_error()) << reply.text;
  }
  const Address& owner(const std::string& key) {
    int slot = resp::key_slot(key);
    for (size_t i = 0; i < 3; ++i) {
      for (const cluster::SlotRange& range : cluster_->table()[i].slots) {
        if (slot >= range.first && slot <= range.last) return cluster_->address(i);
      }
    }
    return cluster_->address(0);
  }
  Reply at_target(const std::string& key, const Command& command) {
    return *session_.fleet.call(owner(key), command, 10'000);
  }
  std::string target_contents(const std::string& key) { return contents(session_.fleet, owner(key), key); }
  int64_t target_size() {
    int64_t keys = 0;
    for (size_t i = 0; i < 3; ++i)
      keys += session_.fleet.call(cluster_->address(i), {"DBSIZE"}, 3000)->integer;
    return keys;
  }

  // Keys of every kind, of both the compact and the large encoding; their names.
  std::vector<std::string> fill_with_all_kinds();

  TestSession session_;
  TestSession from_{"", "of-the-source"};
  engine::TestCluster* cluster_ = nullptr;
  TestServer source_{GetParam()};
  ImportOptions options_;
};

std::vector<std::string> ImportTest::fill_with_all_kinds() {
  using namespace std::string_literals;
  std::vector<Command> commands = {
      {"SET", "number", "42"},
      {"SET", "with\0nul"s, "value\0with nul"s},
      {"SET", "", "of the empty key"},
      {"SET", "with\r\nbreak \xff", std::string(100'000, 'x')},
      {"SET", "{tag}mortal", "soon", "PX", "100000000"},
      {"RPUSH", "list", "a", "", "c"},
      {"SADD", "numbers", "1", "2", "3"},
      {"HSET", "hash", "f", "v", "g\0"s, "w\0"s},
      {"ZADD", "sorted", "1.5", "a", "-inf", "b"},
      {"XADD", "stream", "1-1", "f", "v"},
      {"XADD", "stream", "2-1", "f", "w"},
      {"XGROUP", "CREATE", "stream", "readers", "1-1"},
      {"XREADGROUP", "GROUP", "readers", "me", "STREAMS", "stream", ">"},
      {"PFADD", "visitors", "a", "b"},
      {"SETBIT", "bits", "1000", "1"},
  };
  for (const std::string n : {"1", "2"}) {
    Command list = {"RPUSH", "big list " + n};
    Command set = {"SADD", "big set " + n};
    Command hash = {"HSET", "big hash " + n};
    Command sorted = {"ZADD", "big sorted " + n};
    for (int i = 0; i < 2000; ++i) {
      std::string element = "element " + std::to_string(i);
      list.push_back(element);
      set.push_back(element);
      hash.insert(hash.end(), {element, std::string(100, 'v')});
      sorted.insert(sorted.end(), {std::to_string(i * 0.1), element});
    }
    for (const Command& command : {list, set, hash, sorted}) commands.push_back(command);
  }
  say_all(commands);
  std::vector<std::string> keys;
  for (const Reply& key : say({"KEYS", "*"}).elements) keys.push_back(key.text);
  return keys;
}

TEST_P(ImportTest, CopiesAllKindsOfKeysAndComparesThem) {
  options_.copy = true;
  options_.from_database = 3;
  std::vector<std::string> keys = fill_with_all_kinds();
  ASSERT_EQ(keys.size(), 20u);
  Result<ImportResult> result = import(session_.session, cluster_->address(1), options_);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->scanned, 20);
  EXPECT_EQ(result->imported, 20);
  EXPECT_EQ(result->present, 0);
  EXPECT_EQ(result->compared, 20);
  EXPECT_EQ(result->different_count, 0) << join(result->different, ", ");
  EXPECT_FALSE(result->interrupted);
  EXPECT_GT(result->bytes, 1000);
  EXPECT_EQ(target_size(), 20);
  for (const std::string& key : keys) {
    Reply type = say({"TYPE", key});
    EXPECT_EQ(target_contents(key).substr(0, type.text.size()), type.text);
    if (type.text != "string") continue;
    EXPECT_EQ(at_target(key, {"GET", key}).text, say({"GET", key}).text);
  }
  EXPECT_EQ(say({"DBSIZE"}).integer, 20);
  EXPECT_NEAR(static_cast<double>(at_target("{tag}", {"PTTL", "{tag}mortal"}).integer),
              static_cast<double>(say({"PTTL", "{tag}mortal"}).integer), 1000);
  EXPECT_EQ(at_target("number", {"PTTL", "number"}).integer, -1);

  Result<ImportResult> again = import(session_.session, cluster_->address(1), options_);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->imported, 0);
  EXPECT_EQ(again->present, 20);
  EXPECT_EQ(again->compared, 20);
  EXPECT_EQ(again->different_count, 0) << join(again->different, ", ");
}

TEST_P(ImportTest, KeysThatTheClusterHasAlready) {
  options_.copy = true;
  say_all({{"SET", "same", "1"},
           {"SET", "other", "of the source"},
           {"SET", "ttl", "1", "EX", "1000"},
           {"SADD", "set", "a"}});
  at_target("same", {"SET", "same", "1"});
  at_target("other", {"SET", "other", "of the cluster"});
  at_target("ttl", {"SET", "ttl", "1"});
  at_target("mine", {"SET", "mine", "alone"});
  Result<ImportResult> result = import(session_.session, cluster_->address(0), options_);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->imported, 1);
  EXPECT_EQ(result->present, 3);
  EXPECT_EQ(result->compared, 2);
  EXPECT_EQ(result->different_count, 2);
  EXPECT_THAT(result->different, testing::UnorderedElementsAre("other", "ttl"));
  EXPECT_EQ(at_target("other", {"GET", "other"}).text, "of the cluster");

  options_.replace = true;
  result = import(session_.session, cluster_->address(0), options_);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->imported, 4);
  EXPECT_EQ(result->compared, 4);
  EXPECT_EQ(result->different_count, 0);
  EXPECT_EQ(at_target("other", {"GET", "other"}).text, "of the source");
  EXPECT_GT(at_target("ttl", {"TTL", "ttl"}).integer, 900);
  EXPECT_EQ(at_target("mine", {"GET", "mine"}).text, "alone");
}

TEST_P(ImportTest, MovesKeys) {
  std::vector<std::string> keys = fill_with_all_kinds();
  std::map<std::string, std::string> before;
  for (const std::string& key : keys) before[key] = contents(from_.fleet, source_.address(), key);
  at_target("number", {"SET", "number", "43"});
  Result<ImportResult> result = import(session_.session, cluster_->address(0), options_);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->scanned, 20);
  EXPECT_EQ(result->imported, 19);
  EXPECT_EQ(result->present, 1);
  EXPECT_EQ(say({"DBSIZE"}).integer, 1);
  EXPECT_EQ(say({"GET", "number"}).text, "42");
  EXPECT_EQ(at_target("number", {"GET", "number"}).text, "43");
  before["number"] = "string:43:";
  for (const auto& [key, value] : before) EXPECT_EQ(target_contents(key), value);
  EXPECT_GT(at_target("{tag}", {"PTTL", "{tag}mortal"}).integer, 90'000'000);

  options_.replace = true;
  result = import(session_.session, cluster_->address(0), options_);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(say({"DBSIZE"}).integer, 0);
  EXPECT_EQ(at_target("number", {"GET", "number"}).text, "42");
}

// Writes to the source until it is destroyed.
class Writer {
 public:
  Writer(const Address& source, int keys) : thread_([this, source, keys] { write(source, keys); }) {}
  ~Writer() {
    stop_ = true;
    thread_.join();
  }

 private:
  void write(const Address& source, int keys) {
    TestSession session("", "of-the-source");
    for (int n = 0; !stop_; ++n) {
      std::vector<Command> commands;
      for (int i = 0; i < 20; ++i) {
        std::string key = std::to_string((n * 20 + i) % keys);
        commands.push_back({"INCR", "counter:" + key});
        commands.push_back({"SADD", "set:" + key, std::to_string(n % 700)});
      }
      commands.push_back({"SET", "new:" + std::to_string(n % 5000), std::to_string(n)});
      commands.push_back({"DEL", "old:" + std::to_string(n % 10'000)});
      session.fleet.exchange({{source, commands}}, 10'000);
    }
  }

  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST_P(ImportTest, CopiesWhileTheSourceIsWrittenTo) {
  options_.copy = true;
  std::vector<Command> commands;
  for (int i = 0; i < 30'000; ++i)
    commands.push_back({"SET", "old:" + std::to_string(i), std::string(50, 'v')});
  say_all(commands);
  {
    Writer writer(source_.address(), 60);
    ASSERT_TRUE(engine::wait_until([&] { return say({"EXISTS", "new:100"}).integer == 1; }));
    Result<ImportResult> result = import(session_.session, cluster_->address(0), options_);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->different_count, 0) << join(result->different, ", ");
    EXPECT_GE(result->compared, 20'000);
  }
  options_.replace = true;
  Result<ImportResult> result = import(session_.session, cluster_->address(0), options_);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->different_count, 0);
  EXPECT_EQ(result->changing, 0);
  EXPECT_EQ(result->compared, say({"DBSIZE"}).integer);
}

TEST_P(ImportTest, MovesWhileTheSourceIsWrittenTo) {
  std::vector<Command> commands;
  for (int i = 0; i < 30'000; ++i)
    commands.push_back({"SET", "still:" + std::to_string(i), std::string(50, 'v')});
  say_all(commands);
  // What is added to the counters at the source after they have gone begins anew there: the sum is whole.
  std::atomic<bool> stop = false;
  std::atomic<int> counted = 0;
  std::thread writer([&] {
    TestSession session("", "of-the-source");
    while (!stop) {
      Result<Reply> reply =
          session.fleet.call(source_.address(), {"RPUSH", "events", std::to_string(counted)}, 3000);
      if (reply && !reply->is_error()) ++counted;
    }
  });
  ASSERT_TRUE(engine::wait_until([&] { return counted > 100; }));
  Result<ImportResult> result = import(session_.session, cluster_->address(0), options_);
  stop = true;
  writer.join();
  ASSERT_TRUE(result) << result.error().message;
  int64_t moved = at_target("events", {"LLEN", "events"}).integer;
  EXPECT_GT(moved, 0);
  EXPECT_EQ(moved + say({"LLEN", "events"}).integer, counted);
  EXPECT_LE(say({"DBSIZE"}).integer, 1);
  EXPECT_EQ(target_size(), 30'001);
}

TEST_P(ImportTest, AFullTarget) {
  options_.copy = true;
  std::vector<Command> commands;
  for (int i = 0; i < 2000; ++i) commands.push_back({"SET", std::to_string(i), std::string(5000, 'v')});
  say_all(commands);
  for (size_t i = 0; i < 3; ++i) {
    session_.text(cluster_->address(i), {"CONFIG", "SET", "maxmemory-policy", "noeviction"});
    std::string memory = session_.text(cluster_->address(i), {"INFO", "memory"});
    int64_t used_bytes = std::strtoll(memory.c_str() + memory.find("used_memory:") + 12, nullptr, 10);
    session_.text(cluster_->address(i),
                  {"CONFIG", "SET", "maxmemory", std::to_string(used_bytes + (1 << 20))});
  }
  for (bool copy : {true, false}) {
    options_.copy = copy;
    Result<ImportResult> result = import(session_.session, cluster_->address(0), options_);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kExhausted);
    EXPECT_THAT(result.error().message, HasSubstr("OOM"));
    EXPECT_THAT(result.error().message, HasSubstr("maxmemory"));
  }
  for (size_t i = 0; i < 3; ++i) session_.text(cluster_->address(i), {"CONFIG", "SET", "maxmemory", "0"});
  Result<ImportResult> result = import(session_.session, cluster_->address(0), options_);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(target_size(), 2000);
}

TEST_P(ImportTest, AWrongPasswordForTheTarget) {
  say_all({{"SET", "a", "1"}});
  session_.session.password = "wrong-words";
  Result<ImportResult> result = import(session_.session, cluster_->address(0), options_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kDenied);
  EXPECT_THAT(result.error().message, HasSubstr("refused the login of the source"));
  EXPECT_EQ(result.error().message.find("wrong-words"), std::string::npos);
  EXPECT_EQ(say({"EXISTS", "a"}).integer, 1);
}

TEST_P(ImportTest, Interrupted) {
  options_.copy = true;
  std::vector<Command> commands;
  for (int i = 0; i < 20'000; ++i) commands.push_back({"SET", std::to_string(i), "v"});
  say_all(commands);
  session_.session.interrupted = [&] { return target_size() > 0; };
  Result<ImportResult> result = import(session_.session, cluster_->address(0), options_);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->interrupted);
  EXPECT_LT(result->imported, 20'000);
  EXPECT_EQ(result->imported, target_size());
  session_.session.interrupted = [] { return false; };
  result = import(session_.session, cluster_->address(0), options_);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->imported + result->present, 20'000);
  EXPECT_EQ(result->compared, 20'000);
}

TEST_P(ImportTest, FromAnotherCluster) {
  EmptyServers other(GetParam(), 2);
  TestSession of_other;
  ASSERT_TRUE(other.all_answer(of_other));
  std::vector<Address> nodes = other.addresses();
  of_other.text(nodes[0], {"CLUSTER", "ADDSLOTSRANGE", "0", "8191"});
  of_other.text(nodes[1], {"CLUSTER", "ADDSLOTSRANGE", "8192", "16383"});
  of_other.text(nodes[1], {"CLUSTER", "SET-CONFIG-EPOCH", "2"});
  of_other.text(nodes[0], {"CLUSTER", "MEET", nodes[1].host, std::to_string(nodes[1].port)});
  ASSERT_TRUE(engine::wait_until([&] {
    return of_other.text(nodes[0], {"CLUSTER", "INFO"}).starts_with("cluster_state:ok") &&
           of_other.text(nodes[1], {"CLUSTER", "INFO"}).starts_with("cluster_state:ok");
  }));
  for (int i = 0; i < 300; ++i) {
    std::string key = std::to_string(i);
    ASSERT_EQ(of_other.text(nodes[resp::key_slot(key) <= 8191 ? 0 : 1], {"SET", key, "v"}), "OK");
  }
  options_.from = nodes[0];
  options_.from_servers = &of_other.fleet;
  for (bool copy : {true, false}) {
    options_.copy = copy;
    options_.replace = !copy;
    Result<ImportResult> result = import(session_.session, cluster_->address(0), options_);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->imported, 300);
    EXPECT_EQ(target_size(), 300);
  }
  EXPECT_EQ(of_other.fleet.call(nodes[0], {"DBSIZE"}, 1000)->integer, 0);
  EXPECT_EQ(of_other.fleet.call(nodes[1], {"DBSIZE"}, 1000)->integer, 0);
}

TEST_P(ImportTest, BadSourcesAndTargets) {
  ImportOptions self = options_;
  self.from = cluster_->address(1);
  self.from_servers = nullptr;
  Result<ImportResult> result = import(session_.session, cluster_->address(0), self);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  self.from_database = 1;
  result = import(session_.session, cluster_->address(0), self);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);

  from_.credentials.password = "wrong-words";
  from_.fleet.keep_only({});
  result = import(session_.session, cluster_->address(0), options_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kDenied);
  from_.credentials.password = "of-the-source";

  options_.from_database = 99;
  result = import(session_.session, cluster_->address(0), options_);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("SELECT 99"));

  options_.from_database = 0;
  session_.credentials = {"", "of-the-source"};
  result = import(session_.session, source_.address(), options_);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("not in cluster mode"));
}

INSTANTIATE_TEST_SUITE_P(Engines, ImportTest, testing::ValuesIn(engine::test_engines()), engine::test_name);

// From the newest engine to the oldest one, which cannot read what the new one writes.
TEST(ImportVersions, ATargetThatIsTooOld) {
  std::vector<TestEngine> engines = engine::test_engines();
  auto named = [&](std::string_view part) {
    return std::find_if(engines.begin(), engines.end(),
                        [&](const TestEngine& e) { return e.name.starts_with(part); });
  };
  if (named("redis-7.0") == engines.end() || named("redis-8") == engines.end())
    GTEST_SKIP() << "engines missing";
  TestSession session;
  engine::TestCluster* cluster = clusters->of(*named("redis-7.0"), session.fleet);
  ASSERT_NE(cluster, nullptr);
  TestServer source(*named("redis-8"));
  source.start(engine::test_users_config());
  ASSERT_TRUE(engine::wait_until([&] { return session.text(source.address(), {"SET", "a", "b"}) == "OK"; }));
  for (bool copy : {true, false}) {
    ImportOptions options;
    options.from = source.address();
    options.copy = copy;
    Result<ImportResult> result = import(session.session, cluster->address(0), options);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(result.error().message, HasSubstr("Redis 7.0.15"));
    EXPECT_THAT(result.error().message, HasSubstr("Redis 8."));
  }
}

}  // namespace
}  // namespace keyway::admin
