#include "cluster/backup_outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::cluster {
namespace {

TEST(BackupOutcome, IsReadAsItWasWritten) {
  BackupOutcome good{"20261123T023000Z", "", 1200, 81920, true, 2, "no \"room\""};
  EXPECT_TRUE(good.good());
  EXPECT_EQ(parse_backup_outcome(to_json(good)).value_or(BackupOutcome{}), good);
  BackupOutcome bad;
  bad.error = "no such bucket";
  EXPECT_FALSE(bad.good());
  EXPECT_EQ(to_json(bad), "{\"error\":\"no such bucket\"}\n");
  EXPECT_EQ(parse_backup_outcome(to_json(bad)).value_or(BackupOutcome{}), bad);
}

TEST(BackupOutcome, FitsATerminationMessage) {
  BackupOutcome long_one{"20261123T023000Z", "", 1, 1, true, 1, ""};
  for (int i = 0; i < 2000; ++i) long_one.error += "ü\x01";
  long_one.trouble = std::string(5000, '"');
  std::string text = to_json(long_one);
  EXPECT_LE(text.size(), kMaxBackupOutcomeBytes);
  Result<BackupOutcome> read = parse_backup_outcome(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(read->error, testing::EndsWith("…"));
  EXPECT_THAT(read->error, testing::Not(testing::HasSubstr("\xEF\xBF\xBD"))) << "no letter was cut in two";
}

TEST(BackupOutcome, WhatIsNoneIsTold) {
  for (const char* text : {"", "{}", "[]", "{\"id\":5}", "{\"keys\":1}", "no JSON"}) {
    Result<BackupOutcome> read = parse_backup_outcome(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace keyway::cluster
