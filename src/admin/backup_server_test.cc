// Backups of real clusters of every engine at hand, and servers started on what they wrote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "admin/test_session.h"
#include "admin/transfer.h"
#include "resp/slot.h"

namespace keyway::admin {
namespace {

namespace fs = std::filesystem;

using engine::TestEngine;
using engine::TestServer;
using testing::HasSubstr;

constexpr int kKeys = 3000;

class BackupTest : public testing::TestWithParam<TestEngine> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(engine::wait_until([&] { return cluster_.is_whole(session_.fleet); }));
    char pattern[] = "/tmp/keyway-test-XXXXXX";
    base_ = ::mkdtemp(pattern);
    options_.folder = base_ + "/backup";
    options_.account = session_.credentials;
    for (int i = 0; i < kKeys; ++i) {
      std::string key = "key:" + std::to_string(i);
      ASSERT_EQ(session_.text(primary_of(key), {"SET", key, "value " + std::to_string(i)}), "OK");
    }
    tell_all({"WAIT", "1", "5000"});
  }
  void TearDown() override { fs::remove_all(base_); }

  const Address& primary_of(const std::string& key) {
    return cluster_.address(resp::key_slot(key) <= 8191 ? 0 : 1);
  }
  void tell_all(const resp::Command& command) {
    for (size_t i = 0; i < 4; ++i) session_.text(cluster_.address(i), command);
  }
  Result<BackupResult> run() { return backup(session_.session, cluster_.address(2), options_); }
  bool nothing_is_left() const { return !fs::exists(options_.folder); }

  // Servers take seconds to write their data; what happens when the first of it is there.
  void when_data_comes(std::function<void()> what) {
    tell_all({"CONFIG", "SET", "rdb-key-save-delay", "2000"});  // µs a key
    session_.session.interrupted = [this, what = std::move(what), done = false]() mutable {
      if (done || !fs::exists(options_.folder)) return false;
      for (const auto& entry : fs::directory_iterator(options_.folder)) done = done || entry.file_size() > 0;
      if (done) what();
      return false;
    };
  }

  // Keys and values that a server loads from the file.
  std::map<std::string, std::string> load(const std::string& file) {
    TestServer server(GetParam());
    fs::copy_file(options_.folder + "/" + file, server.folder() + "/dump.rdb");
    server.start(engine::test_users_config());
    EXPECT_TRUE(engine::wait_until([&] { return session_.text(server.address(), {"PING"}) == "PONG"; }));
    std::map<std::string, std::string> loaded;
    std::vector<resp::Command> reads;
    resp::Reply keys = *session_.fleet.call(server.address(), {"KEYS", "*"}, 5000);
    for (const resp::Reply& key : keys.elements) reads.push_back({"GET", key.text});
    auto responses = session_.fleet.exchange({{server.address(), reads}}, 5000);
    for (size_t i = 0; i < reads.size(); ++i) loaded[reads[i][1]] = responses[0].replies[i].text;
    return loaded;
  }

  TestSession session_;
  engine::TestCluster cluster_{GetParam(), 2, 2};
  std::string base_;
  BackupOptions options_;
};

TEST_P(BackupTest, EveryKeyIsInTheFileOfItsShard) {
  for (bool diskless : {true, false}) {
    tell_all({"CONFIG", "SET", "repl-diskless-sync", diskless ? "yes" : "no"});
    options_.from_replicas = diskless;
    options_.folder = base_ + (diskless ? "/one" : "/two");
    Result<BackupResult> result = run();
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->shards.size(), 2u);
    std::map<std::string, std::string> all;
    for (size_t i = 0; i < 2; ++i) {
      const ShardBackup& shard = result->shards[i];
      EXPECT_EQ(shard.id, cluster_.id(i));
      EXPECT_EQ(shard.file, shard.id + ".rdb");
      EXPECT_EQ(shard.source, cluster_.address(diskless ? i + 2 : i));
      EXPECT_EQ(shard.slots, cluster_.table()[i].slots);
      EXPECT_EQ(shard.size_bytes, static_cast<int64_t>(fs::file_size(options_.folder + "/" + shard.file)));
      for (const auto& [key, value] : load(shard.file)) {
        EXPECT_EQ(primary_of(key), cluster_.address(i)) << key;
        all[key] = value;
      }
    }
    EXPECT_EQ(all.size(), static_cast<size_t>(kKeys));
    for (int i = 0; i < kKeys; ++i) EXPECT_EQ(all["key:" + std::to_string(i)], "value " + std::to_string(i));
    std::ifstream topology(options_.folder + "/nodes.json");
    std::string text((std::istreambuf_iterator<char>(topology)), {});
    EXPECT_THAT(text, HasSubstr("\"name\": \"" + cluster_.id(0) + "\""));
    EXPECT_EQ(std::distance(fs::directory_iterator(options_.folder), fs::directory_iterator()), 3);
  }
  Result<BackupResult> again = run();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kAlreadyExists);
  EXPECT_THAT(again.error().message, HasSubstr("not empty"));
  EXPECT_TRUE(fs::exists(options_.folder + "/nodes.json"));
}

TEST_P(BackupTest, APrimaryThatDiesInTheMiddle) {
  options_.from_replicas = false;
  when_data_comes([&] { cluster_.server(0).kill(); });
  Result<BackupResult> result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(result.error().message, HasSubstr(to_string(cluster_.address(0))));
  EXPECT_TRUE(nothing_is_left());
}

// What does not depend on the version.
class BackupTroubleTest : public BackupTest {};

TEST_P(BackupTroubleTest, AReplicaThatDiesInTheMiddleGivesWayToItsPrimary) {
  when_data_comes([&] {
    cluster_.server(2).kill();
    session_.text(cluster_.address(0), {"CONFIG", "SET", "rdb-key-save-delay", "0"});
  });
  Result<BackupResult> result = run();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->shards[0].source, cluster_.address(0));
  EXPECT_EQ(result->shards[1].source, cluster_.address(3));
  EXPECT_THAT(session_.reporter.warnings, testing::Contains(HasSubstr(to_string(cluster_.address(2)))));
  EXPECT_EQ(load(result->shards[0].file).size() + load(result->shards[1].file).size(), size_t{kKeys});
}

TEST_P(BackupTroubleTest, AReplicaThatIsNotInSyncIsPassedOver) {
  session_.text(cluster_.address(2), {"CONFIG", "SET", "masterauth", "wrong-words"});
  session_.text(cluster_.address(0), {"CLIENT", "KILL", "TYPE", "replica"});
  ASSERT_TRUE(engine::wait_until([&] {
    return session_.text(cluster_.address(2), {"INFO", "replication"}).find("master_link_status:down") !=
           std::string::npos;
  }));
  Result<BackupResult> result = run();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->shards[0].source, cluster_.address(0));
  EXPECT_EQ(result->shards[1].source, cluster_.address(3));
}

TEST_P(BackupTroubleTest, AFullDisk) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  Result<BackupResult> result = run();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  (void)std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kExhausted);
  EXPECT_THAT(result.error().message, HasSubstr(options_.folder));
  EXPECT_TRUE(nothing_is_left());
}

TEST_P(BackupTroubleTest, Interrupted) {
  tell_all({"CONFIG", "SET", "rdb-key-save-delay", "2000"});
  fs::create_directory(options_.folder);
  session_.session.interrupted = [&] { return !fs::is_empty(options_.folder); };
  Result<BackupResult> result = run();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->interrupted);
  EXPECT_TRUE(result->shards.empty());
  EXPECT_TRUE(fs::is_empty(options_.folder));  // it was there before
}

TEST_P(BackupTroubleTest, BadPasswordsAndFolders) {
  options_.account.password = "wrong-words";
  Result<BackupResult> result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kDenied);
  EXPECT_THAT(result.error().message, HasSubstr("refused the login"));
  EXPECT_TRUE(nothing_is_left());

  for (size_t i = 0; i < 4; ++i) {
    session_.text(cluster_.address(i),
                  {"ACL", "SETUSER", "reader", "on", ">reading-words", "~*", "+@read", "+replconf"});
  }
  options_.account = {"reader", "reading-words"};
  result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kDenied);
  EXPECT_THAT(result.error().message, HasSubstr("NOPERM"));

  options_.account = session_.credentials;
  options_.folder = base_ + "/missing/folder";
  result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("No such file"));
  std::ofstream(base_ + "/file") << "x";
  options_.folder = base_ + "/file";
  result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("not a folder"));
}

std::vector<TestEngine> oldest_and_newest() {
  std::vector<TestEngine> engines = engine::test_engines();
  if (engines.size() > 2) engines.erase(engines.begin() + 1, engines.end() - 1);
  return engines;
}

INSTANTIATE_TEST_SUITE_P(Engines, BackupTroubleTest, testing::ValuesIn(oldest_and_newest()),
                         engine::test_name);
INSTANTIATE_TEST_SUITE_P(Engines, BackupTest, testing::ValuesIn(engine::test_engines()), engine::test_name);

}  // namespace
}  // namespace keyway::admin
