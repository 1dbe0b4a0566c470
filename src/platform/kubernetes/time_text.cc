#include "platform/kubernetes/time_text.h"

#include <ctime>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr int64_t kUsPerS = 1'000'000;
constexpr int kMaxDigits = 9;
constexpr int kMicroDigits = 6;

// Takes a number of exactly `digits` digits off the front, then `separator` (0: none).
std::optional<int> take(std::string_view& rest, size_t digits, char separator) {
  if (rest.size() < digits + (separator != 0 ? 1 : 0)) return std::nullopt;
  std::optional<uint64_t> number = parse_uint(rest.substr(0, digits));
  if (!number || (separator != 0 && rest[digits] != separator)) return std::nullopt;
  rest.remove_prefix(digits + (separator != 0 ? 1 : 0));
  return static_cast<int>(*number);
}

std::optional<int64_t> take_fraction_us(std::string_view& rest) {
  if (!rest.starts_with('.')) return 0;
  rest.remove_prefix(1);
  int64_t us = 0;
  int digits = 0;
  for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; ++digits) {
    if (digits < kMicroDigits) us = us * 10 + (rest.front() - '0');
    rest.remove_prefix(1);
  }
  if (digits == 0 || digits > kMaxDigits) return std::nullopt;
  for (; digits < kMicroDigits; ++digits) us *= 10;
  return us;
}

// "Z", "+02:00".
std::optional<int64_t> take_zone_s(std::string_view rest) {
  if (rest == "Z" || rest == "z") return 0;
  if (rest.empty() || (rest.front() != '+' && rest.front() != '-')) return std::nullopt;
  int sign = rest.front() == '-' ? -1 : 1;
  rest.remove_prefix(1);
  std::optional<int> hours = take(rest, 2, ':');
  std::optional<int> minutes = hours ? take(rest, 2, 0) : std::nullopt;
  if (!minutes || !rest.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  return int64_t{sign} * (int64_t{*hours} * 3600 + int64_t{*minutes} * 60);
}

}  // namespace

std::optional<int64_t> parse_time_us(std::string_view text) {
  std::tm time{};
  auto set = [&](int& field, size_t digits, char separator, int least, int most) {
    std::optional<int> value = take(text, digits, separator);
    if (!value || *value < least || *value > most) return false;
    field = *value;
    return true;
  };
  bool date = set(time.tm_year, 4, '-', 1, 9999) && set(time.tm_mon, 2, '-', 1, 12) &&
              set(time.tm_mday, 2, 'T', 1, 31);
  bool clock = date && set(time.tm_hour, 2, ':', 0, 23) && set(time.tm_min, 2, ':', 0, 59) &&
               set(time.tm_sec, 2, 0, 0, 60);
  if (!clock) return std::nullopt;
  std::optional<int64_t> fraction_us = take_fraction_us(text);
  std::optional<int64_t> zone_s = take_zone_s(text);
  if (!fraction_us || !zone_s) return std::nullopt;
  constexpr int first_year = 1900;
  time.tm_year -= first_year;
  time.tm_mon -= 1;
  return (int64_t{timegm(&time)} - *zone_s) * kUsPerS + *fraction_us;
}

std::string time_text_s(int64_t unix_s) {
  std::string text = time_text_us(unix_s * kUsPerS);
  return text.substr(0, text.find('.')) + "Z";
}

std::string time_text_us(int64_t unix_us) {
  int64_t fraction = unix_us % kUsPerS;
  if (fraction < 0) fraction += kUsPerS;
  time_t seconds = (unix_us - fraction) / kUsPerS;
  std::tm time{};
  gmtime_r(&seconds, &time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", time.tm_year + 1900, time.tm_mon + 1,
                     time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec, fraction);
}

}  // namespace keyway::platform::kubernetes
