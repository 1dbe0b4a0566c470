// Backups of files made by hand, tried by each server at hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "backup/test_manifest.h"
#include "backup/test_store.h"
#include "backup/verify.h"
#include "engine/test_server.h"
#include "rdb/test_file.h"

namespace keyway::backup {
namespace {

using engine::TestEngine;
using rdb::TestFile;
using std::string_literals::operator""s;
using testing::HasSubstr;

constexpr char kString = 0;
constexpr char kHashListpack = 16;
const std::string kLongAgo = "\x01\0\0\0\0\0\0\0"s;
const std::string kFarAway = "\0\0\0\0\xbb\x03\0\0"s;  // 2100 and later

class SilentReporter : public admin::Reporter {
 public:
  void note(std::string_view) override {}
  void warn(std::string_view line) override { warnings.emplace_back(line); }
  void progress(const admin::Progress&) override { ++progresses; }
  Result<bool> confirm(std::string_view) override { return true; }

  std::vector<std::string> warnings;
  int progresses = 0;
};

class VerifyServer : public testing::TestWithParam<TestEngine> {
 protected:
  void SetUp() override {
    cluster::EngineSpec spec;
    spec.kind =
        GetParam().name.starts_with("valkey") ? cluster::EngineKind::kValkey : cluster::EngineKind::kRedis;
    spec.path = GetParam().program;
    Result<platform::local::EngineProgram> engine = platform::local::find_engine(spec);
    ASSERT_TRUE(engine) << engine.error().message;
    engine_ = *engine;
    options_.scratch = scratch_.path();
    options_.find_engine = [this](cluster::EngineKind) { return engine_; };
    options_.interrupted = [this] { return interrupted_; };
    options_.tool_version = "1.2.3";
  }

  // A backup of one shard, of a server like the one that tries it.
  void store_backup(const std::string& rdb, int64_t keys) {
    manifest_ = replicated_manifest();
    manifest_.encrypted = options_.key.has_value();
    BackedUpShard& shard = manifest_.shards.front();
    shard.object = object_of_shard(shard.name, manifest_.encrypted);
    shard.keys = keys;
    shard.engine = engine_.kind;
    shard.server_version = engine_.version;
    object_ = folder_of(manifest_.cluster, manifest_.id) + "/" + shard.object;
    PackedWriter writer(*store_.put(object_),
                        {options_.key, seal_context(manifest_.cluster, manifest_.id, shard.name)});
    ASSERT_TRUE(writer.write(rdb));
    shard.sums = *writer.commit();
    std::string name = folder_of(manifest_.cluster, manifest_.id) + "/" + std::string(kManifestName);
    ASSERT_TRUE(write_object(store_, name, to_json(manifest_)));
  }

  Result<VerifyResult> verified() {
    Result<VerifyResult> result = verify(store_, manifest_, options_, reporter_);
    EXPECT_TRUE(std::filesystem::is_empty(scratch_.path()));
    return result;
  }
  // Why it is bad; "" if it is good.
  std::string problem() {
    Result<VerifyResult> result = verified();
    if (!result) return "error: " + result.error().message;
    EXPECT_EQ(result->verification.good, result->shards.front().problem.empty());
    return result->shards.front().problem;
  }

  static TestFile three_keys() {
    TestFile file("REDIS0009");
    file.aux("used-mem", "1000").database(0).add("\xfb\x02\x02").expiry(kLongAgo);
    file.key(kString, "gone", TestFile::string("by now")).expiry(kFarAway);
    file.key(kString, "stays", TestFile::string("long"));
    file.database(5).key(kString, "other", TestFile::string("database"));
    return file;
  }

  MemoryStore store_;
  TestFolder scratch_;
  SilentReporter reporter_;
  platform::local::EngineProgram engine_;
  VerifyOptions options_;
  Manifest manifest_;
  std::string object_;
  bool interrupted_ = false;
};

TEST_P(VerifyServer, SaysWhatAGoodOneHolds) {
  store_backup(three_keys().whole(), -1);
  Result<VerifyResult> result = verified();
  ASSERT_TRUE(result) << result.error().message;
  const VerifiedShard& shard = result->shards.front();
  EXPECT_EQ(shard.problem, "");
  EXPECT_EQ(shard.keys, 3);
  EXPECT_EQ(shard.expired, 1);
  EXPECT_EQ(shard.compared, 3);
  EXPECT_EQ(shard.by_type, (std::map<std::string, int64_t>{{"string", 3}}));
  EXPECT_TRUE(result->verification.good);
  EXPECT_EQ(result->verification.keys, 3);
  EXPECT_THAT(result->verification.text, HasSubstr(engine_.version));
  EXPECT_GT(reporter_.progresses, 0);
  ASSERT_TRUE(keep_verification(store_, manifest_, result->verification));
  auto kept = load_verification(store_, manifest_.cluster, manifest_.id);
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ(**kept, result->verification);
}

TEST_P(VerifyServer, AManifestThatCountsOtherwiseIsBad) {
  store_backup(TestFile("REDIS0009").database(0).key(kString, "k", TestFile::string("v")).whole(), 2);
  EXPECT_EQ(problem(), "the manifest says that there are 2 keys, and there are 1");
}

TEST_P(VerifyServer, WhatWasAlteredOrCutOrLostIsBad) {
  store_backup(three_keys().whole(), -1);
  const std::string whole = store_.objects[object_];
  for (size_t at = 0; at < whole.size(); at += 7) {
    store_.objects[object_][at] = static_cast<char>(whole[at] ^ 1);
    EXPECT_THAT(problem(), HasSubstr("shard p1 of backup")) << at;
    store_.objects[object_] = whole;
  }
  store_.objects[object_] = whole.substr(0, whole.size() / 2);
  EXPECT_THAT(problem(), HasSubstr("cut short"));
  store_.objects.erase(object_);
  EXPECT_THAT(problem(), HasSubstr("is missing"));
}

TEST_P(VerifyServer, AnotherKeyTellsNothing) {
  options_.key = EncryptionKey::random();
  store_backup(three_keys().whole(), -1);
  EXPECT_EQ(problem(), "");
  options_.key = EncryptionKey::random();
  Result<VerifyResult> result = verified();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kDenied) << result.error().message;
  options_.key.reset();
  EXPECT_EQ(verified().error().code, ErrorCode::kInvalidArgument);
}

// Its checksums are right and its keys can be told apart, but no server takes such a value.
TEST_P(VerifyServer, WhatTheServerDoesNotLoadIsBadUnlessItIsTooOldToTell) {
  TestFile file("REDIS0010");
  file.database(0).key(kHashListpack, "h", TestFile::string("no listpack at all"));
  store_backup(file.whole(), 1);
  EXPECT_THAT(problem(), HasSubstr("does not load it; it says: "));
  manifest_.shards.front().server_version = "99.0.0";
  Result<VerifyResult> result = verified();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnsupported) << result.error().message;
}

TEST_P(VerifyServer, AFileOfALaterVersionTellsNothing) {
  store_backup(TestFile("REDIS0079").database(0).key(kString, "k", TestFile::string("v")).whole(), 1);
  Result<VerifyResult> result = verified();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnsupported) << result.error().message;
  EXPECT_THAT(result.error().message, HasSubstr("cannot read a file of version 79"));
}

TEST_P(VerifyServer, StopsWhenItIsInterrupted) {
  store_backup(three_keys().whole(), -1);
  interrupted_ = true;
  Result<VerifyResult> result = verified();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
}

TEST_P(VerifyServer, NothingIsKeptBesideADeletedOne) {
  store_backup(three_keys().whole(), -1);
  store_.objects.clear();
  Status kept = keep_verification(store_, manifest_, {});
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(store_.objects.empty());
}

INSTANTIATE_TEST_SUITE_P(Engines, VerifyServer, testing::ValuesIn(engine::test_engines()),
                         [](const auto& each) {
                           std::string name = each.param.name;
                           std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
                           return name;
                         });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(VerifyServer);

}  // namespace
}  // namespace keyway::backup
