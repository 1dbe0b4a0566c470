#include "cluster/backup_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"

namespace keyway::cluster {
namespace {

using testing::HasSubstr;

std::string document(const std::string& spec) {
  return "apiVersion: keyway.dev/v1alpha1\nkind: KeywayBackupSchedule\nmetadata: {name: nightly}\nspec:\n" +
         spec;
}

TEST(BackupSchedule, WhatIsLeftOutHasADefault) {
  Result<BackupSchedule> schedule =
      parse_backup_schedule(document("  cluster: shop\n  schedule: \"@daily\"\n  to: /mnt/backups\n"), "f");
  ASSERT_TRUE(schedule) << schedule.error().message;
  BackupSchedule expected;
  expected.name = "nightly";
  expected.cluster = "shop";
  expected.when = "@daily";
  expected.cron = *parse_cron("0 0 * * *");
  expected.to = "/mnt/backups";
  EXPECT_EQ(*schedule, expected);
  EXPECT_TRUE(schedule->keeps_all());
  EXPECT_EQ(schedule->history, 10);
}

TEST(BackupSchedule, IsReadAsItWasWritten) {
  std::string text = document(R"(  cluster: shop
  schedule: "30 2 * * 1-5"
  timeZone: Europe/Berlin
  suspend: true
  concurrencyPolicy: Replace
  startingDeadlineSeconds: 3600
  history: 3
  to: s3://bucket/pre fix
  s3: {endpoint: "https://minio:9000", region: eu, addressingStyle: path, sse: "aws:kms", sseKmsKeyId: k}
  keyFile: /etc/keyway/"key"
  verify: true
  keep: {last: 1, days: 2, daily: 3, weekly: 4, monthly: 5}
)");
  Result<BackupSchedule> schedule = parse_backup_schedule(text, "f");
  ASSERT_TRUE(schedule) << schedule.error().message;
  EXPECT_TRUE(schedule->suspended && schedule->replaces && schedule->verify);
  EXPECT_EQ(schedule->deadline_s, 3600);
  EXPECT_EQ(schedule->keep_weekly, 4);
  EXPECT_EQ(schedule->endpoint_url, "https://minio:9000");
  EXPECT_FALSE(schedule->keeps_all());
  Result<BackupSchedule> again = parse_backup_schedule(to_yaml(*schedule), "g");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, *schedule);
}

TEST(BackupSchedule, ErrorsNamePlaceAndField) {
  struct Case {
    const char* spec;
    const char* said;
  };
  for (const Case& one : {
           Case{"  schedule: \"@daily\"\n  to: /b\n", "spec.cluster"},
           {"  cluster: Shop\n  schedule: \"@daily\"\n  to: /b\n", "f:5:12: spec.cluster"},
           {"  cluster: shop\n  to: /b\n", "spec.schedule"},
           {"  cluster: shop\n  schedule: \"61 * * * *\"\n  to: /b\n",
            "f:6:13: spec.schedule: the minute of a schedule cannot be '61'"},
           {"  cluster: shop\n  schedule: \"30 2 31 2 *\"\n  to: /b\n", "never be due"},
           {"  cluster: shop\n  schedule: \"@daily\"\n", "spec.to"},
           {"  cluster: shop\n  schedule: \"@daily\"\n  to: \"\"\n", "spec.to: it is empty"},
           {"  cluster: shop\n  schedule: \"@daily\"\n  to: /b\n  keep: {last: -1}\n", "spec.keep.last"},
           {"  cluster: shop\n  schedule: \"@daily\"\n  to: /b\n  keep: {first: 1}\n", "first"},
           {"  cluster: shop\n  schedule: \"@daily\"\n  to: /b\n  concurrencyPolicy: Allow\n", "Replace"},
           {"  cluster: shop\n  schedule: \"@daily\"\n  to: /b\n  history: 101\n", "from 0 to 100"},
       }) {
    Result<BackupSchedule> schedule = parse_backup_schedule(document(one.spec), "f");
    ASSERT_FALSE(schedule) << one.spec;
    EXPECT_THAT(schedule.error().message, HasSubstr(one.said)) << one.spec;
  }
  EXPECT_THAT(parse_backup_schedule("kind: KeywayCluster\n", "f").error().message, HasSubstr("apiVersion"));
}

}  // namespace
}  // namespace keyway::cluster
