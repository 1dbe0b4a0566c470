#include "cluster/cron.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::cluster {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::minutes;
using std::chrono::months;
using std::chrono::year_month_day;
using std::chrono::years;

constexpr years kHorizon{8};  // 29 February is as far away as that around a year 2100
constexpr size_t kFields = 5;

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
  std::string_view name;
  int64_t first;
  int64_t last;
  const std::string_view* words = nullptr;  // for `first` and on
  size_t word_count = 0;
};

constexpr std::array<Field, kFields> kGrammar = {
    {{"minute", 0, 59},
     {"hour", 0, 23},
     {"day of the month", 1, 31},
     {"month", 1, 12, kMonths.data(), kMonths.size()},
     {"day of the week", 0, 7, kWeekdays.data(), kWeekdays.size()}}};

struct Alias {
  std::string_view name;
  std::string_view fields;
};
constexpr std::array<Alias, 7> kAliases = {{{"@yearly", "0 0 1 1 *"},
                                            {"@annually", "0 0 1 1 *"},
                                            {"@monthly", "0 0 1 * *"},
                                            {"@weekly", "0 0 * * 0"},
                                            {"@daily", "0 0 * * *"},
                                            {"@midnight", "0 0 * * *"},
                                            {"@hourly", "0 * * * *"}}};

std::optional<int64_t> value_of(const Field& field, std::string_view word) {
  std::string small = to_lower(word);
  for (size_t i = 0; i < field.word_count; ++i) {
    if (field.words[i] == small) return field.first + static_cast<int64_t>(i);
  }
  std::optional<int64_t> number = parse_int(word);
  bool fits = number && *number >= field.first && *number <= field.last;
  return fits ? number : std::nullopt;
}

Error wrong(const Field& field, std::string_view text) {
  std::string words;
  if (field.word_count > 0)
    words = fmt::format(" or {} to {}", field.words[0], field.words[field.word_count - 1]);
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format("the {} of a schedule cannot be '{}': it is *, or numbers from {} to {}{}, with "
                  "'-' between the first and the last of several, ',' between any, and '/n' for each nth",
                  field.name, text, field.first, field.last, words)};
}

// "3", "1-5", "*", "?", each with "/n" behind it or not.
std::optional<std::vector<int64_t>> values_of(const Field& field, std::string_view part) {
  std::vector<std::string_view> step_parts = split(part, '/');
  if (step_parts.size() > 2) return std::nullopt;
  std::optional<int64_t> step = step_parts.size() == 2 ? parse_int(step_parts[1]) : 1;
  if (!step || *step < 1) return std::nullopt;
  int64_t first = field.first;
  int64_t last = field.last;
  std::string_view range = step_parts[0];
  if (range != "*" && range != "?") {
    std::vector<std::string_view> ends = split(range, '-');
    std::optional<int64_t> from = value_of(field, ends.front());
    std::optional<int64_t> to = ends.size() == 2 ? value_of(field, ends.back()) : from;
    if (ends.size() > 2 || !from || !to || *from > *to) return std::nullopt;
    first = *from;
    // "5/10" means from 5 on, as in other programs.
    last = ends.size() == 1 && step_parts.size() == 2 ? field.last : *to;
  }
  std::vector<int64_t> values;
  for (int64_t value = first; value <= last; value += *step) values.push_back(value);
  return values;
}

template <size_t count>
Status take(const Field& field, std::string_view text, std::bitset<count>& set) {
  for (std::string_view part : split(text, ',')) {
    std::optional<std::vector<int64_t>> values = values_of(field, part);
    if (!values) return fail(wrong(field, text));
    for (int64_t value : *values) set.set(static_cast<size_t>(value) % count);
  }
  return {};
}

bool is_any(std::string_view text) { return text == "*" || text == "?"; }

bool holds(const Cron& cron, const year_month_day& date, local_days day) {
  bool day_fits = cron.days[static_cast<unsigned>(date.day())];
  bool weekday_fits = cron.weekdays[std::chrono::weekday(day).c_encoding()];
  if (cron.any_day || cron.any_weekday) return day_fits && weekday_fits;
  return day_fits || weekday_fits;
}

// The first set bit from `from` on; the size of the set if there is none.
template <size_t count>
size_t next_bit(const std::bitset<count>& set, size_t from) {
  while (from < count && !set[from]) ++from;
  return from;
}

}  // namespace

Result<Cron> parse_cron(std::string_view text) {
  std::vector<std::string_view> fields = split_blanks(text);
  if (fields.size() == 1) {
    std::string name = to_lower(fields[0]);
    auto alias = std::ranges::find(kAliases, name, &Alias::name);
    if (alias != kAliases.end()) fields = split_blanks(alias->fields);
  }
  if (fields.size() != kFields) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "'{}' is no schedule: it has five fields (minute, hour, day of the month, month, day of the "
            "week), such as '30 2 * * *', or is @hourly, @daily, @weekly, @monthly or @yearly",
            text));
  }
  Cron cron;
  Status taken = take(kGrammar[0], fields[0], cron.minutes);
  if (taken) taken = take(kGrammar[1], fields[1], cron.hours);
  if (taken) taken = take(kGrammar[2], fields[2], cron.days);
  if (taken) taken = take(kGrammar[3], fields[3], cron.months);
  if (taken) taken = take(kGrammar[4], fields[4], cron.weekdays);
  if (!taken) return fail(taken.error());
  cron.any_day = is_any(fields[2]);
  cron.any_weekday = is_any(fields[4]);
  return cron;
}

std::optional<CivilMinute> next_due(const Cron& cron, CivilMinute after) {
  CivilMinute at = after + minutes(1);
  local_days day = floor<days>(at);
  local_days end = local_days(year_month_day(day).year() / 12 / 31) + days(366) * kHorizon.count();
  for (; day <= end; at = day) {
    year_month_day date(day);
    if (!cron.months[static_cast<unsigned>(date.month())]) {
      day = local_days((date.year() / date.month() + months(1)) / 1);
      continue;
    }
    if (!holds(cron, date, day)) {
      day += days(1);
      continue;
    }
    auto time = at - day;
    auto hour = static_cast<size_t>(floor<hours>(time).count());
    auto minute = next_bit(cron.minutes, static_cast<size_t>((time - hours(hour)).count()));
    if (!cron.hours[hour] || minute == cron.minutes.size()) {
      hour = next_bit(cron.hours, cron.hours[hour] ? hour + 1 : hour);
      minute = next_bit(cron.minutes, 0);
    }
    if (hour < cron.hours.size()) return CivilMinute(day + hours(hour) + minutes(minute));
    day += days(1);
  }
  return std::nullopt;
}

}  // namespace keyway::cluster
