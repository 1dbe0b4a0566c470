// Restores from files made by hand into real clusters and servers of every engine at hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/restore.h"
#include "admin/test_session.h"
#include "rdb/test_file.h"
#include "resp/slot.h"

namespace keyway::admin {
namespace {

using engine::TestEngine;
using rdb::TestFile;
using testing::Contains;
using testing::HasSubstr;

constexpr int kKeys = 3000;

// A file in memory, given in pieces.
class MemoryFile : public FileSource {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<size_t> read(char* to, size_t size_bytes) override {
    size_t got = bytes_.copy(to, std::min<size_t>(size_bytes, 1000), at_);
    at_ += got;
    return got;
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

RestoreFile file_of(const std::string& bytes) {
  return {.name = "made by hand", .size_bytes = static_cast<int64_t>(bytes.size()), .open = [bytes] {
            return Result<std::unique_ptr<FileSource>>(std::make_unique<MemoryFile>(bytes));
          }};
}

std::string many_keys() {
  TestFile file;
  for (int i = 0; i < kKeys; ++i)
    file.key(0, fmt::format("k{}", i), TestFile::string(fmt::format("value {}", i)));
  return file.whole();
}

class RestoreServer : public testing::TestWithParam<TestEngine> {
 protected:
  static void SetUpTestSuite() { clusters_ = new engine::ClusterOfEachEngine(3, 0); }
  static void TearDownTestSuite() { delete std::exchange(clusters_, nullptr); }

  void SetUp() override {
    cluster_ = clusters_->of(GetParam(), session_.fleet);
    ASSERT_NE(cluster_, nullptr);
    for (size_t i = 0; i < 3; ++i) session_.text(cluster_->address(i), {"FLUSHALL"});
    options_.source = "a test";
  }
  Result<RestoreResult> restore_to_cluster(const std::string& bytes) {
    options_.files = {file_of(bytes)};
    return restore(session_.session, cluster_->address(1), options_);
  }
  std::string refused(const std::string& bytes) {
    Result<RestoreResult> result = restore_to_cluster(bytes);
    return result ? "it was restored" : result.error().message;
  }
  int64_t cluster_keys() {
    int64_t keys = 0;
    for (size_t i = 0; i < 3; ++i)
      keys += session_.fleet.call(cluster_->address(i), {"DBSIZE"}, 3000)->integer;
    return keys;
  }

  static inline engine::ClusterOfEachEngine* clusters_ = nullptr;
  TestSession session_;
  engine::TestCluster* cluster_ = nullptr;
  RestoreOptions options_;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RestoreServer);
INSTANTIATE_TEST_SUITE_P(Engines, RestoreServer, testing::ValuesIn(engine::test_engines()),
                         engine::test_name);

TEST_P(RestoreServer, WritesEachKeyToItsOwner) {
  Result<RestoreResult> result = restore_to_cluster(many_keys());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->written, kKeys);
  EXPECT_EQ(result->after, kKeys);
  EXPECT_EQ(cluster_keys(), kKeys);  // and no mark is left
  EXPECT_THAT(refused(many_keys()), HasSubstr("the target holds 3000 keys"));
  options_.existing = Existing::kMerge;
  result = restore_to_cluster(many_keys());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->present, kKeys);
  EXPECT_EQ(result->written, 0);
}

TEST_P(RestoreServer, WritesNothingOfAFileThatIsDamagedIfItMayLookFirst) {
  std::string bytes = many_keys();
  std::string damaged = bytes.substr(0, bytes.size() - 100);
  EXPECT_THAT(refused(damaged), HasSubstr("made by hand: it ends in the middle"));
  EXPECT_EQ(cluster_keys(), 0);
  options_.look_first = false;
  EXPECT_THAT(refused(damaged), HasSubstr("the same command again finishes it"));
  Result<RestoreResult> result = restore_to_cluster(bytes);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->resumed);
  EXPECT_EQ(cluster_keys(), kKeys);
}

TEST_P(RestoreServer, TellsOfAValueThatTheTargetCannotRead) {
  std::string file = TestFile().key(0, "good", TestFile::string("v")).key(18, "bad", "\x01\x02\x01?").whole();
  EXPECT_THAT(refused(file), HasSubstr("cannot read the value of bad, a list (quicklist)"));
}

TEST_P(RestoreServer, KeepsExpiriesAndLeavesOutWhatHasExpired) {
  std::string far("\x00\x00\x00\x00\xff\x03\x00\x00", 8);
  std::string past("\x01\x00\x00\x00\x00\x00\x00\x00", 8);
  std::string file = TestFile()
                         .expiry(far)
                         .key(0, "later", TestFile::string("v"))
                         .expiry(past)
                         .key(0, "gone", TestFile::string("v"))
                         .whole();
  Result<RestoreResult> result = restore_to_cluster(file);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->written, 1);
  EXPECT_EQ(result->expired, 1);
  EXPECT_EQ(cluster_keys(), 1);
}

TEST_P(RestoreServer, StopsWhenItIsInterrupted) {
  session_.stop = true;
  Result<RestoreResult> result = restore_to_cluster(many_keys());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->interrupted);
  EXPECT_EQ(cluster_keys(), 0);
}

// The last look at the target finds fewer keys than were written, since one stands in the files twice.
TEST_P(RestoreServer, CountsOnlyWhenNoSlotsMove) {
  std::string twice = TestFile()
                          .key(0, "again", TestFile::string("first"))
                          .key(0, "again", TestFile::string("second"))
                          .whole();
  options_.settle_ms = 300;
  EXPECT_THAT(refused(twice), HasSubstr("the target holds only 1 in all"));
  EXPECT_TRUE(session_.reporter.warnings.empty());

  int slot = resp::key_slot("again");
  size_t owner = 0;
  while (slot > cluster::even_range(static_cast<int>(owner), 3).last) ++owner;
  session_.text(cluster_->address(owner),
                {"CLUSTER", "SETSLOT", std::to_string(slot), "MIGRATING", cluster_->id((owner + 1) % 3)});
  options_.existing = Existing::kReplace;
  Result<RestoreResult> result = restore_to_cluster(twice);
  session_.text(cluster_->address(owner), {"CLUSTER", "SETSLOT", std::to_string(slot), "STABLE"});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(session_.reporter.warnings, Contains(HasSubstr("could not be counted")));
}

TEST_P(RestoreServer, TellsOfAWrongPassword) {
  TestSession stranger(engine::kTestUser, "wrong");
  options_.files = {file_of(many_keys())};
  Result<RestoreResult> result = restore(stranger.session, cluster_->address(0), options_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kDenied);
}

}  // namespace
}  // namespace keyway::admin
