#include "backup/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/prune.h"
#include "backup/test_manifest.h"
#include "backup/test_store.h"

namespace keyway::backup {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kHourMs = int64_t{3600} * 1000;
constexpr int64_t kDayMs = 24 * kHourMs;

int64_t at(std::string_view id) { return time_of_id(id).value_or(0); }

StoredBackup complete(const std::string& id) {
  return {.cluster = "shop", .id = id, .objects = {}, .complete = true, .changed_ms = at(id)};
}

std::vector<std::string> kept(const std::vector<StoredBackup>& backups, const Retention& retention,
                              std::string_view now) {
  std::vector<std::string> ids;
  for (const Verdict& verdict : judge(backups, retention, at(now))) {
    if (verdict.keep) ids.push_back(verdict.backup->id);
  }
  return ids;
}

TEST(Retention, WithoutAnyWishEverythingStays) {
  EXPECT_THAT(kept({complete("20260101T000000Z"), complete("20261101T000000Z")}, {}, "20261122T000000Z"),
              ElementsAre("20260101T000000Z", "20261101T000000Z"));
}

TEST(Retention, ByCountAndAge) {
  std::vector<StoredBackup> backups = {complete("20261118T000000Z"), complete("20261119T000000Z"),
                                       complete("20261120T000000Z"), complete("20261121T000000Z")};
  EXPECT_THAT(kept(backups, {.last = 2}, "20261122T000000Z"),
              ElementsAre("20261120T000000Z", "20261121T000000Z"));
  EXPECT_THAT(kept(backups, {.days = 3}, "20261122T000000Z"),
              ElementsAre("20261119T000000Z", "20261120T000000Z", "20261121T000000Z"));
}

TEST(Retention, TheNewestOneStaysHoweverOld) {
  EXPECT_THAT(
      kept({complete("20250101T000000Z"), complete("20250102T000000Z")}, {.days = 1}, "20261122T000000Z"),
      ElementsAre("20250102T000000Z"));
}

// 2026-11-22 is a Sunday, 2026-11-23 a Monday.
TEST(Retention, TheNewestOfEachPeriod) {
  std::vector<StoredBackup> backups = {complete("20261030T120000Z"), complete("20261120T080000Z"),
                                       complete("20261122T080000Z"), complete("20261122T200000Z"),
                                       complete("20261123T000000Z"), complete("20261123T080000Z")};
  EXPECT_THAT(kept(backups, {.daily = 3}, "20261123T090000Z"),
              ElementsAre("20261120T080000Z", "20261122T200000Z", "20261123T080000Z"));
  EXPECT_THAT(kept(backups, {.weekly = 2}, "20261123T090000Z"),
              ElementsAre("20261122T200000Z", "20261123T080000Z"));
  EXPECT_THAT(kept(backups, {.monthly = 12}, "20261123T090000Z"),
              ElementsAre("20261030T120000Z", "20261123T080000Z"));
}

TEST(Retention, NothingGoesUntilThereIsAGoodOneThatIsNewer) {
  std::vector<StoredBackup> backups = {complete("20261120T000000Z"), complete("20261121T000000Z")};
  backups[1].bad = true;
  EXPECT_THAT(kept(backups, {.last = 1}, "20261122T000000Z"),
              ElementsAre("20261120T000000Z", "20261121T000000Z"));
  backups[0].bad = true;
  EXPECT_THAT(kept(backups, {.days = 1}, "20261222T000000Z"),
              ElementsAre("20261120T000000Z", "20261121T000000Z"));
}

TEST(Retention, WhatIsUnfinishedGoesAfterADay) {
  StoredBackup unfinished = complete("20261120T000000Z");
  unfinished.complete = false;
  std::vector<StoredBackup> backups = {unfinished};
  EXPECT_EQ(kept(backups, {}, "20261120T230000Z").size(), 1U);
  EXPECT_THAT(kept(backups, {}, "20261121T000001Z"), IsEmpty());
  backups[0].changed_ms += kDayMs;  // somebody is still writing it
  EXPECT_EQ(kept(backups, {}, "20261121T000001Z").size(), 1U);
}

class PruneTest : public testing::Test {
 protected:
  PruneTest() {
    for (const char* id : {"20261120T000000Z", "20261121T000000Z", "20261122T000000Z"}) add(id);
  }
  void add(const std::string& id) {
    Manifest manifest = sharded_manifest();
    manifest.id = id;
    store_.objects["shop/" + id + "/manifest.json"] = to_json(manifest);
    store_.objects["shop/" + id + "/p1.rdb.zst"] = "x";
    store_.changed_ms["shop/" + id + "/manifest.json"] = at(id);
  }
  std::vector<std::string> left() {
    std::vector<std::string> ids;
    Result<std::vector<StoredBackup>> backups = list_backups(store_, "");
    for (const StoredBackup& backup : *backups) ids.push_back(backup.id);
    return ids;
  }
  Result<std::vector<Pruned>> run(bool dry_run) {
    return prune(store_, "", {.last = 1}, dry_run, at("20261122T010000Z"));
  }

  MemoryStore store_;
};

TEST_F(PruneTest, DeletesWhatNobodyWants) {
  store_.objects["shop/README"] = "not ours";
  ASSERT_TRUE(run(false));
  EXPECT_THAT(left(), ElementsAre("20261122T000000Z"));
  EXPECT_EQ(store_.objects.size(), 3U);
}

TEST_F(PruneTest, ADryRunDeletesNothing) {
  Result<std::vector<Pruned>> pruned = run(true);
  ASSERT_TRUE(pruned);
  EXPECT_FALSE(pruned->front().keep);
  EXPECT_EQ(left().size(), 3U);
}

TEST_F(PruneTest, KeepsTheLastOneThatWasNotFoundBad) {
  Verification bad{at("20261122T003000Z"), false, "does not load", 0, "0.1.0"};
  store_.objects["shop/20261122T000000Z/verified.json"] = to_json(bad);
  ASSERT_TRUE(run(false));
  EXPECT_THAT(left(), ElementsAre("20261121T000000Z", "20261122T000000Z"));
}

TEST_F(PruneTest, ADamagedManifestIsNoGoodBackup) {
  store_.objects["shop/20261122T000000Z/manifest.json"].resize(100);
  ASSERT_TRUE(run(false));
  EXPECT_THAT(left(), ElementsAre("20261121T000000Z", "20261122T000000Z"));
}

TEST_F(PruneTest, TellsWhatItCannotDelete) {
  store_.remove_error = Error{ErrorCode::kDenied, "read-only"};
  Result<std::vector<Pruned>> pruned = run(false);
  ASSERT_FALSE(pruned);
  EXPECT_EQ(pruned.error().code, ErrorCode::kDenied);
}

}  // namespace
}  // namespace keyway::backup
