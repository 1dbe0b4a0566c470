// Files that servers of every engine at hand write: the walker gives for each key what DUMP answers, byte for
// byte, and takes no file that is cut off or altered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "admin/test_session.h"
#include "rdb/walker.h"

namespace keyway::admin {
namespace {

using engine::TestEngine;
using engine::TestServer;
using rdb::Entry;
using resp::Command;
using resp::Reply;
using std::string_literals::operator""s;

constexpr int64_t kFarMs = 4'102'444'800'000;  // 2100

class RdbServer : public testing::TestWithParam<TestEngine> {
 protected:
  void start(const std::string& config = "") {
    server_.start("enable-debug-command local\ndatabases 16\n" + config);
    ASSERT_TRUE(engine::wait_until([&] { return say({"PING"}).text == "PONG"; }));
  }
  Reply say(const Command& command) {
    Result<Reply> reply = client_.fleet.call(server_.address(), command, 30'000);
    if (reply) return *reply;
    Reply error;
    error.type = resp::ReplyType::kError;
    error.text = reply.error().message;
    return error;
  }
  void must(const Command& command) {
    Reply reply = say(command);
    ASSERT_FALSE(reply.is_error()) << resp::describe(command) << ": " << reply.text;
  }
  bool has_field_expiry() const {
    return GetParam().name.starts_with("redis-8") || GetParam().name.starts_with("valkey-9");
  }

  void fill_strings() {
    must({"SET", "text", "value"});
    for (const char* number : {"0", "-1", "127", "-32768", "70000", "2147483648", "12345678901234567890"})
      must({"SET", "number:"s + number, number});
    must({"SET", "long", std::string(100'000, 'a')});
    must({"SET", "with\0nul and \xff"s, "b\0c"s});
    must({"SET", std::string(300, 'k'), ""});
    must({"SETBIT", "bits", "100000", "1"});
    must({"PFADD", "distinct", "a", "b", "c"});
    must({"SET", "expiring", "v", "PXAT", std::to_string(kFarMs)});
  }
  void fill_collections() {
    Command list = {"RPUSH", "list:large"};
    Command set = {"SADD", "set:large"};
    Command hash = {"HSET", "hash:large"};
    Command sorted = {"ZADD", "sorted:large"};
    for (int i = 0; i < 2000; ++i) {
      std::string item = fmt::format("item {} {}", i, std::string(static_cast<size_t>(i % 70), 'x'));
      list.push_back(item);
      set.push_back(item);
      hash.insert(hash.end(), {item, std::to_string(i)});
      sorted.insert(sorted.end(), {std::to_string(i * 0.37), item});
    }
    for (const Command& command : {list, set, hash, sorted}) must(command);
    must({"RPUSH", "list:small", "a", "1", "-70000", std::string(5000, 'z')});
    must({"RPUSH", "list:plain", std::string(50'000, 'p'), "q"});
    must({"SADD", "set:numbers", "1", "2", "70000", "5000000000"});
    must({"SADD", "set:small", "a", "b", "1"});
    must({"ZADD", "sorted:small", "-inf", "a", "1.5", "b", "+inf", "c"});
    must({"HSET", "hash:small", "f", "v", "n", "1"});
    must({"HSET", "hash:expiring", "f", "v"});
    must({"PEXPIREAT", "hash:expiring", std::to_string(kFarMs)});
  }
  void fill_streams() {
    for (int i = 1; i <= 300; ++i)
      must({"XADD", "stream", fmt::format("{}-1", i), "field", std::to_string(i), "other", "value"});
    must({"XDEL", "stream", "7-1"});
    must({"XGROUP", "CREATE", "stream", "g1", "0"});
    must({"XGROUP", "CREATE", "stream", "g2", "$"});
    must({"XREADGROUP", "GROUP", "g1", "alice", "COUNT", "20", "STREAMS", "stream", ">"});
    must({"XREADGROUP", "GROUP", "g1", "bob", "COUNT", "5", "STREAMS", "stream", ">"});
    must({"XACK", "stream", "g1", "3-1"});
    must({"XGROUP", "CREATE", "stream:empty", "g", "$", "MKSTREAM"});
  }
  void fill_expiring_fields() {
    if (!has_field_expiry()) return;
    must({"HSET", "fields:small", "a", "1", "b", "2"});
    must({"HPEXPIREAT", "fields:small", std::to_string(kFarMs), "FIELDS", "1", "a"});
    Command hash = {"HSET", "fields:large"};
    for (int i = 0; i < 1000; ++i) hash.insert(hash.end(), {fmt::format("f{}", i), std::string(80, 'v')});
    must(hash);
    must({"HPEXPIREAT", "fields:large", std::to_string(kFarMs), "FIELDS", "2", "f1", "f7"});
  }
  void fill() {
    fill_strings();
    fill_collections();
    fill_streams();
    fill_expiring_fields();
    must({"FUNCTION", "LOAD",
          "#!lua name=lib\nredis.register_function('f', function(keys, args) return 'hello' end)"});
  }

  std::string saved() {
    must({"SAVE"});
    std::ifstream file(server_.folder() + "/dump.rdb", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static Status walk(std::string_view file, size_t piece_bytes,
                     const std::function<void(const Entry&)>& see) {
    rdb::Walker walker;
    for (size_t at = 0; at < file.size(); at += piece_bytes) {
      walker.feed(file.substr(at, piece_bytes));
      while (true) {
        Result<std::optional<Entry>> entry = walker.next();
        if (!entry) return fail(entry.error());
        if (!*entry) break;
        see(**entry);
      }
    }
    return walker.finish();
  }

  TestSession client_{"", ""};
  TestServer server_{GetParam()};
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RdbServer);
INSTANTIATE_TEST_SUITE_P(Engines, RdbServer, testing::ValuesIn(engine::test_engines()), engine::test_name);

TEST_P(RdbServer, GivesWhatDumpAnswers) {
  start();
  fill();
  must({"CONFIG", "SET", "list-compress-depth", "1"});
  std::string file = saved();
  std::map<std::string, Entry> found;
  std::map<std::string, std::string> payloads;
  std::string functions;
  std::map<std::string, std::string> aux;
  rdb::Header header = *rdb::parse_header(file.substr(0, rdb::kHeaderBytes));
  bool checked = false;
  Status whole = walk(file, 1000, [&](const Entry& entry) {
    if (entry.kind == Entry::Kind::kAux) aux[entry.key] = entry.text;
    if (entry.kind == Entry::Kind::kFunction) functions += entry.text;
    if (entry.kind == Entry::Kind::kEnd) checked = entry.checked;
    if (entry.kind != Entry::Kind::kKey) return;
    payloads[entry.key] = rdb::dump_payload(entry.value, header.version);
    found[entry.key] = entry;
  });
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_TRUE(checked);
  EXPECT_EQ(static_cast<int64_t>(found.size()), say({"DBSIZE"}).integer);
  EXPECT_THAT(functions, testing::HasSubstr("name=lib"));
  EXPECT_TRUE(aux.contains("ctime"));
  for (const auto& [key, payload] : payloads) {
    EXPECT_TRUE(say({"DUMP", key}).text == payload) << key << ", " << found[key].type->name;
  }
  EXPECT_EQ(found["expiring"].expires_at_ms, kFarMs);
  EXPECT_EQ(found["hash:expiring"].expires_at_ms, kFarMs);
  EXPECT_FALSE(found["text"].expires_at_ms);
}

TEST_P(RdbServer, GivesWhatTheOldestReaderOfATypeTakes) {
  start();
  fill();
  std::string file = saved();
  must({"FLUSHALL"});
  std::map<std::string, std::string> digests;
  Status whole = walk(file, 1 << 16, [&](const Entry& entry) {
    if (entry.kind != Entry::Kind::kKey) return;
    std::string payload = rdb::dump_payload(entry.value, std::max(entry.type->since, rdb::kOldestVersion));
    Reply reply =
        say({"RESTORE", entry.key, std::to_string(entry.expires_at_ms.value_or(0)), payload, "ABSTTL"});
    EXPECT_TRUE(reply.ok()) << entry.key << ", " << entry.type->name << ": " << reply.text;
  });
  EXPECT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(say({"STRLEN", "long"}).integer, 100'000);
  EXPECT_EQ(say({"ZCARD", "sorted:large"}).integer, 2000);
  EXPECT_EQ(say({"XLEN", "stream"}).integer, 299);
}

TEST_P(RdbServer, TellsDatabasesAndHowKeysWereUsed) {
  start("maxmemory-policy allkeys-lfu\nmaxmemory 1gb\nrdbchecksum no");
  must({"SET", "a", "1"});
  must({"SELECT", "5"});
  must({"SET", "b", "2"});
  bool checked = true;
  std::map<std::string, Entry> found;
  Status whole = walk(saved(), 3, [&](const Entry& entry) {
    if (entry.kind == Entry::Kind::kEnd) checked = entry.checked;
    if (entry.kind == Entry::Kind::kKey) found[entry.key] = entry;
  });
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_FALSE(checked);
  EXPECT_EQ(found["a"].database, 0);
  EXPECT_EQ(found["b"].database, 5);
  EXPECT_TRUE(found["a"].frequency);
}

TEST_P(RdbServer, TakesNoFileThatIsCutOffOrAltered) {
  start();
  must({"SET", "text", "value"});
  must({"SADD", "set:small", "a", "b"});
  fill_expiring_fields();
  must({"DEL", "fields:large"});
  for (int i = 1; i < 5; ++i) must({"XADD", "stream", fmt::format("{}-1", i), "f", "v"});
  must({"XGROUP", "CREATE", "stream", "g", "0"});
  must({"XREADGROUP", "GROUP", "g", "alice", "COUNT", "2", "STREAMS", "stream", ">"});
  std::string file = saved();
  auto ignore = [](const Entry&) {};
  ASSERT_TRUE(walk(file, file.size(), ignore));
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(walk(std::string_view(file).substr(0, size), 64, ignore)) << size;
  for (size_t at = 0; at < file.size(); ++at) {
    for (unsigned change : {1u, 0x80u, 0xffu}) {
      std::string altered = file;
      altered[at] = static_cast<char>(static_cast<unsigned char>(altered[at]) ^ change);
      EXPECT_FALSE(walk(altered, 64, ignore)) << at;
    }
  }
}

}  // namespace
}  // namespace keyway::admin
