#include "base/time_zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway {
namespace {

using namespace std::chrono;

constexpr int64_t kHourMs = 3'600'000;

local_time<minutes> at(int year_number, unsigned month_number, unsigned day_number, int hour,
                       int minute = 0) {
  return local_days(year(year_number) / month(month_number) / day(day_number)) + hours(hour) +
         minutes(minute);
}

int64_t utc_ms(int year_number, unsigned month_number, unsigned day_number, int hour, int minute = 0) {
  return duration_cast<milliseconds>(
             at(year_number, month_number, day_number, hour, minute).time_since_epoch())
      .count();
}

TEST(TimeZone, UtcIsAlwaysThere) {
  for (const char* name : {"", "UTC"}) {
    Result<TimeZone> utc = TimeZone::load(name);
    ASSERT_TRUE(utc);
    EXPECT_EQ(utc->wall_ms(at(2026, 11, 23, 2, 30)), utc_ms(2026, 11, 23, 2, 30));
    EXPECT_EQ(utc->civil(utc_ms(2026, 11, 23, 2, 30) + 5), at(2026, 11, 23, 2, 30) + milliseconds(5));
    EXPECT_EQ(utc->civil(-1), local_days(1970y / 1 / 1) - milliseconds(1));
  }
}

TEST(TimeZone, ClocksThatAreSetForwardAndBack) {
  Result<TimeZone> berlin = TimeZone::load("Europe/Berlin");
  if (!berlin) GTEST_SKIP() << "this machine has no tables of time zones";
  EXPECT_EQ(berlin->wall_ms(at(2026, 1, 10, 12)), utc_ms(2026, 1, 10, 11));
  EXPECT_EQ(berlin->wall_ms(at(2026, 7, 10, 12)), utc_ms(2026, 7, 10, 10));
  EXPECT_EQ(berlin->civil(utc_ms(2026, 7, 10, 10)), at(2026, 7, 10, 12));
  int64_t jump_ms = utc_ms(2026, 3, 29, 1);
  EXPECT_EQ(berlin->wall_ms(at(2026, 3, 29, 2, 30)), jump_ms) << "no clock shows 2:30 on that day";
  EXPECT_EQ(berlin->civil(jump_ms), at(2026, 3, 29, 3));
  int64_t first_ms = utc_ms(2026, 10, 25, 0, 30);
  EXPECT_EQ(berlin->wall_ms(at(2026, 10, 25, 2, 30)), first_ms);
  EXPECT_EQ(berlin->civil(first_ms + kHourMs), at(2026, 10, 25, 2, 30)) << "they show it twice";
}

TEST(TimeZone, WhatIsNoZoneIsTold) {
  for (const char* name : {"Europe/Nowhere", "/etc/passwd", "../../etc/passwd", ":UTC", "UTC+3"}) {
    Result<TimeZone> zone = TimeZone::load(name);
    ASSERT_FALSE(zone) << name;
    EXPECT_EQ(zone.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(zone.error().message, testing::HasSubstr(name));
  }
}

}  // namespace
}  // namespace keyway
