// When something is due that is to be done again and again: the five fields of crontab(5), as Kubernetes'
// CronJob takes them. In the time of clocks on a wall; which moments these are is for base/time_zone.h. Pure;
// values.
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace keyway::cluster {

using CivilMinute = std::chrono::local_time<std::chrono::minutes>;

// Bit n stands for the minute, hour, day or month n; weekdays from Sunday, 0.
struct Cron {
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;
  std::bitset<13> months;
  std::bitset<7> weekdays;
  // If both are limited, a day that is in either of them will do.
  bool any_day = true;
  bool any_weekday = true;

  bool operator==(const Cron&) const = default;
};

// "30 2 * * 1-5", "*/15 * * * *", "0 4 1,15 jan-mar ?", "@daily". Names of months and weekdays are English,
// of three letters, in any case; 7 is Sunday, too. kInvalidArgument says which field is wrong and what it may
// be.
Result<Cron> parse_cron(std::string_view text);

// The first such minute that is later than `after`; nothing if there is none within 8 years, as of 30
// February.
std::optional<CivilMinute> next_due(const Cron& cron, CivilMinute after);

}  // namespace keyway::cluster
