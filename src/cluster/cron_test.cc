#include "cluster/cron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/format.h"

namespace keyway::cluster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CivilMinute at(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  using namespace std::chrono;
  return local_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)) +
         hours(hour) + minutes(minute);
}

std::string text(CivilMinute minute) {
  auto day = std::chrono::floor<std::chrono::days>(minute);
  std::chrono::year_month_day date(day);
  auto time = (minute - day).count();
  return fmt::format("{}-{:02}-{:02} {:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time / 60,
                     time % 60);
}

// The next `count` times.
std::vector<std::string> times(const std::string& schedule, CivilMinute after, int count) {
  Result<Cron> cron = parse_cron(schedule);
  EXPECT_TRUE(cron) << schedule;
  std::vector<std::string> found;
  for (; cron && count > 0; --count) {
    std::optional<CivilMinute> due = next_due(*cron, after);
    found.push_back(due ? text(*due) : "never");
    if (!due) break;
    after = *due;
  }
  return found;
}

TEST(Cron, EveryDayAndEveryHour) {
  EXPECT_THAT(times("30 2 * * *", at(2026, 11, 23, 2, 29), 2),
              ElementsAre("2026-11-23 02:30", "2026-11-24 02:30"));
  EXPECT_THAT(times("30 2 * * *", at(2026, 12, 31, 2, 30), 1), ElementsAre("2027-01-01 02:30"));
  EXPECT_THAT(times("@hourly", at(2026, 11, 23, 22, 59), 3),
              ElementsAre("2026-11-23 23:00", "2026-11-24 00:00", "2026-11-24 01:00"));
  EXPECT_THAT(times("@daily", at(2026, 2, 28), 1), ElementsAre("2026-03-01 00:00"));
}

TEST(Cron, StepsRangesAndLists) {
  EXPECT_THAT(times("*/20 8-9 * * *", at(2026, 1, 1, 9, 10), 3),
              ElementsAre("2026-01-01 09:20", "2026-01-01 09:40", "2026-01-02 08:00"));
  EXPECT_THAT(times("5/25 0 * * *", at(2026, 1, 1), 3),
              ElementsAre("2026-01-01 00:05", "2026-01-01 00:30", "2026-01-01 00:55"));
  EXPECT_THAT(times("0 12 1,15 * ?", at(2026, 1, 2), 2), ElementsAre("2026-01-15 12:00", "2026-02-01 12:00"));
  EXPECT_EQ(*parse_cron("0 0 * JAN-Mar Sun"), *parse_cron("0 0 * 1,2,3 7"));
}

TEST(Cron, OfADayAndAWeekdayEitherWillDo) {
  // 2026-11-23 is a Monday.
  EXPECT_THAT(times("0 0 * * mon", at(2026, 11, 23), 2), ElementsAre("2026-11-30 00:00", "2026-12-07 00:00"));
  EXPECT_THAT(times("0 0 25 * mon", at(2026, 11, 23), 2),
              ElementsAre("2026-11-25 00:00", "2026-11-30 00:00"));
  EXPECT_THAT(times("0 0 * * 1-5", at(2026, 11, 27), 1), ElementsAre("2026-11-30 00:00"));
}

TEST(Cron, RareDaysAndDaysThatNeverCome) {
  EXPECT_THAT(times("0 0 29 2 *", at(2026, 1, 1), 2), ElementsAre("2028-02-29 00:00", "2032-02-29 00:00"));
  EXPECT_THAT(times("0 0 29 2 *", at(2096, 3, 1), 1), ElementsAre("2104-02-29 00:00"));
  EXPECT_THAT(times("0 0 31 4 *", at(2026, 1, 1), 1), ElementsAre("never"));
  EXPECT_THAT(times("0 0 31 * *", at(2026, 3, 31), 1), ElementsAre("2026-05-31 00:00"));
}

TEST(Cron, WhatIsNoScheduleIsToldByItsField) {
  struct Case {
    const char* schedule;
    const char* said;
  };
  for (const Case& one :
       {Case{"60 * * * *", "the minute of a schedule cannot be '60'"},
        {"* 24 * * *", "the hour"},
        {"* * 0 * *", "the day of the month"},
        {"* * * 13 *",
         "the month of a schedule cannot be '13': it is *, or numbers from 1 to 12 or jan to dec"},
        {"* * * * 8", "the day of the week"},
        {"* * * * monday", "the day of the week"},
        {"5-1 * * * *", "the minute"},
        {"*/0 * * * *", "the minute"},
        {"1,,2 * * * *", "the minute"},
        {"1-2-3 * * * *", "the minute"},
        {"-5 * * * *", "the minute"},
        {"* * * *", "five fields"},
        {"* * * * * *", "five fields"},
        {"@often", "@hourly, @daily"},
        {"", "five fields"}}) {
    Result<Cron> cron = parse_cron(one.schedule);
    ASSERT_FALSE(cron) << one.schedule;
    EXPECT_EQ(cron.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(cron.error().message, HasSubstr(one.said)) << one.schedule;
  }
}

}  // namespace
}  // namespace keyway::cluster
