#include "supervisor/backup_diary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::supervisor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kMidnightMs = 20'000 * kDayMs;

cluster::BackupSchedule schedule(const std::string& when) {
  cluster::BackupSchedule made;
  made.name = "nightly";
  made.cluster = "shop";
  made.cron = *cluster::parse_cron(when);
  made.to = "/mnt/backups";
  return made;
}

class Diary : public testing::Test {
 protected:
  std::optional<int64_t> due(const cluster::BackupSchedule& made, int64_t now_ms) const {
    return time_due(made, zone, diary, now_ms);
  }

  TimeZone zone = *TimeZone::load("UTC");
  BackupDiary diary{.since_ms = kMidnightMs, .times = "@daily ", .runs = {}, .work = {}};
};

TEST_F(Diary, ATimeIsDueOnce) {
  cluster::BackupSchedule nightly = schedule("30 2 * * *");
  int64_t due_ms = kMidnightMs + 2 * kHourMs + 30 * kMinuteMs;
  EXPECT_EQ(due(nightly, due_ms - 1), std::nullopt);
  EXPECT_EQ(due(nightly, due_ms), due_ms);
  diary.last_due_ms = due_ms;
  EXPECT_EQ(due(nightly, due_ms + kHourMs), std::nullopt);
  EXPECT_EQ(next_time(nightly, zone, due_ms), due_ms + kDayMs);
}

TEST_F(Diary, OfManyThatWereMissedTheLatestIsMadeUpFor) {
  cluster::BackupSchedule nightly = schedule("30 2 * * *");
  int64_t latest_ms = kMidnightMs + 5 * kDayMs + 2 * kHourMs + 30 * kMinuteMs;
  EXPECT_EQ(due(nightly, latest_ms + kHourMs), latest_ms);
  nightly.deadline_s = 3600;
  EXPECT_EQ(due(nightly, latest_ms + kHourMs), latest_ms);
  EXPECT_EQ(due(nightly, latest_ms + kHourMs + 1), std::nullopt);
}

TEST_F(Diary, AClockThatWasSetBackDoesNotEndTheBackups) {
  diary.last_due_ms = kMidnightMs + 300 * kDayMs;
  int64_t now_ms = kMidnightMs + kHourMs + 1;
  EXPECT_EQ(due(schedule("@hourly"), now_ms), std::nullopt);
  diary.last_due_ms = kMidnightMs;
  EXPECT_EQ(due(schedule("@hourly"), now_ms), kMidnightMs + kHourMs);
}

TEST_F(Diary, WhatClocksShowTwiceIsOneTime) {
  Result<TimeZone> berlin = TimeZone::load("Europe/Berlin");
  if (!berlin) GTEST_SKIP() << "this machine has no tables of time zones";
  cluster::BackupSchedule often = schedule("*/30 * * * *");
  // 2026-10-25 00:59:59 UTC: clocks show 2:59 for the first time.
  constexpr int64_t before_ms = 1'792'889'999'000;
  std::optional<int64_t> next_ms = next_time(often, *berlin, before_ms);
  ASSERT_TRUE(next_ms);
  EXPECT_EQ(*next_ms, before_ms + 1000 + kHourMs) << "3:00, which comes an hour later";
}

TEST_F(Diary, RemembersTheLastGoodOne) {
  for (int i = 0; i < 5; ++i) note_run(diary, {i, i, i, i < 2, "run"}, 3);
  ASSERT_EQ(diary.runs.size(), 3u);
  EXPECT_EQ(diary.runs[0].due_ms, 1);
  EXPECT_EQ(diary.runs[1].due_ms, 3);
  EXPECT_EQ(diary.runs[2].due_ms, 4);
  note_run(diary, {5, 5, 5, true, "good"}, 3);
  EXPECT_THAT(diary.runs[0].due_ms, 3);
}

TEST_F(Diary, WhatFailedIsTriedAgainAFewTimes) {
  diary.last_due_ms = kMidnightMs;
  int64_t now_ms = kMidnightMs + 1000;
  for (int64_t wait_ms : {kMinuteMs, 5 * kMinuteMs, 15 * kMinuteMs}) {
    EXPECT_EQ(retry_due(diary, now_ms), std::nullopt);
    note_attempt(diary, {kMidnightMs, now_ms, now_ms, false, "no space"}, 2);
    EXPECT_EQ(retry_due(diary, now_ms + wait_ms - 1), std::nullopt);
    EXPECT_EQ(retry_due(diary, now_ms + wait_ms), kMidnightMs);
    EXPECT_EQ(retry_due(diary, now_ms - kDayMs), kMidnightMs) << "the clock was set back";
    now_ms += wait_ms;
    diary.retry_ms = 0;
  }
  BackupDiary before = diary;
  note_attempt(diary, {kMidnightMs, now_ms, now_ms, false, "no space"}, 2);
  EXPECT_EQ(retry_due(diary, now_ms + kDayMs), std::nullopt);
  EXPECT_EQ(diary.runs.size(), 2u);
  note_attempt(before, {kMidnightMs, now_ms, now_ms, true, "made"}, 2);
  EXPECT_EQ(retry_due(before, now_ms + kDayMs), std::nullopt);
  EXPECT_EQ(before.failures, 0);
}

TEST_F(Diary, WordsOfItsCommands) {
  cluster::BackupSchedule full = schedule("@daily");
  full.to = "s3://bucket/x";
  full.endpoint_url = "https://minio:9000";
  full.sse = "AES256";
  full.key_file = "/k";
  full.verify = true;
  full.keep_last = 2;
  full.keep_weekly = 5;
  EXPECT_THAT(backup_words(full, "/runs/o"),
              ElementsAre("backup", "create", "shop", "--to", "s3://bucket/x", "--endpoint-url",
                          "https://minio:9000", "--sse", "AES256", "--key-file", "/k", "--verify",
                          "--keep-last", "2", "--keep-weekly", "5", "--outcome-file", "/runs/o"));
}

TEST_F(Diary, WhatTheCommandSaid) {
  EXPECT_TRUE(read_outcome("{\"id\": \"20261123T023000Z\"}", "Backed up.\n").good());
  EXPECT_EQ(read_outcome("{\"error\": \"no room\"}", "").error, "no room");
  EXPECT_EQ(read_outcome("", "! a warning\nkeyway: bad flag\n").error, "bad flag");
  EXPECT_THAT(read_outcome("{\"id\":", "").error, HasSubstr("without a word"));
}

TEST_F(Diary, IsReadAsItWasWritten) {
  diary.last_due_ms = 5;
  diary.failures = 1;
  diary.retry_ms = 9;
  diary.runs = {{1, 2, 3, true, "20261123T023000Z"}, {4, 5, 6, false, "no \"space\"\xff"}};
  diary.work = {{77, 88, "boot"}, 7, 8};
  Result<BackupDiary> again = parse_diary(to_json(diary));
  ASSERT_TRUE(again) << again.error().message;
  diary.runs[1].what = again->runs[1].what;  // what was no text
  EXPECT_EQ(*again, diary);
  EXPECT_EQ(parse_diary("{}").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(parse_diary("x").error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace keyway::supervisor
