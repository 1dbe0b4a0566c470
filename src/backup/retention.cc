#include "backup/retention.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>

namespace keyway::backup {

namespace {

constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;
constexpr int64_t kDaysFromMondayTo1970 = 3;  // the first of January 1970 was a Thursday

int64_t day_of(int64_t unix_ms) { return unix_ms / kDayMs; }
int64_t week_of(int64_t unix_ms) { return (day_of(unix_ms) + kDaysFromMondayTo1970) / 7; }
int64_t month_of(int64_t unix_ms) {
  using namespace std::chrono;
  year_month_day date{sys_days(days(day_of(unix_ms)))};
  return int64_t{static_cast<int>(date.year())} * 12 + static_cast<unsigned>(date.month());
}

void keep(Verdict& verdict, std::string_view why) {
  if (!verdict.keep) verdict.why.clear();
  verdict.keep = true;
  if (!verdict.why.empty()) verdict.why += ", ";
  verdict.why += why;
}

// The newest of each of the last `count` periods that have any; `newest_first` are all complete ones.
void keep_periods(const std::vector<Verdict*>& newest_first, int count,
                  const std::function<int64_t(int64_t)>& period_of, std::string_view why) {
  std::set<int64_t> periods;
  for (Verdict* verdict : newest_first) {
    if (periods.size() >= static_cast<size_t>(count)) return;
    if (periods.insert(period_of(time_of_id(verdict->backup->id).value_or(0))).second) keep(*verdict, why);
  }
}

}  // namespace

std::vector<Verdict> judge(const std::vector<StoredBackup>& backups, const Retention& retention,
                           int64_t now_ms) {
  std::vector<Verdict> verdicts;
  for (const StoredBackup& backup : backups) {
    bool abandoned = !backup.complete && now_ms - backup.changed_ms > kDayMs;
    bool stays = backup.complete ? retention.keeps_all() : !abandoned;
    verdicts.push_back({&backup, stays,
                        backup.complete ? (stays ? "" : "not to be kept")
                        : abandoned     ? "unfinished for more than a day"
                                        : "unfinished, perhaps under way"});
  }
  std::vector<Verdict*> newest_first;
  for (Verdict& verdict : verdicts) {
    if (verdict.backup->complete) newest_first.insert(newest_first.begin(), &verdict);
  }
  auto good = std::ranges::find_if(newest_first, [](const Verdict* each) { return !each->backup->bad; });
  if (good == newest_first.end()) {
    for (Verdict* verdict : newest_first) keep(*verdict, "there is no good one");
    return verdicts;
  }
  keep(**good, "the newest good one");
  for (size_t i = 0; i < newest_first.size(); ++i) {
    int64_t age_ms = now_ms - time_of_id(newest_first[i]->backup->id).value_or(0);
    if (i < static_cast<size_t>(retention.last)) keep(*newest_first[i], "last");
    if (retention.days > 0 && age_ms <= retention.days * kDayMs) keep(*newest_first[i], "days");
  }
  keep_periods(newest_first, retention.daily, day_of, "daily");
  keep_periods(newest_first, retention.weekly, week_of, "weekly");
  keep_periods(newest_first, retention.monthly, month_of, "monthly");
  return verdicts;
}

}  // namespace keyway::backup
