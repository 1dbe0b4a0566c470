#include "cli/values.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/suggest.h"

namespace keyway::cli {

namespace {

constexpr int64_t kDayMs = int64_t{24} * 3600 * 1000;

}  // namespace

Result<int> number_value(std::string_view flag, std::string_view text, int least, int most) {
  std::optional<int64_t> value = parse_int(text);
  if (!value || *value < least || *value > most) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"{}\" is not a number from {} to {}; write, for example, {} {}", flag, text,
                            least, most, flag, std::clamp(3, least, most)));
  }
  return static_cast<int>(*value);
}

Result<int64_t> duration_value(std::string_view flag, std::string_view text) {
  std::string_view digits = text;
  int64_t unit_ms = 1000;
  if (text.ends_with('s') || text.ends_with('m') || text.ends_with('h')) {
    unit_ms = text.back() == 's' ? 1000 : text.back() == 'm' ? 60'000 : 3'600'000;
    digits.remove_suffix(1);
  }
  std::optional<int64_t> value = parse_int(digits);
  if (!value || *value < 1 || *value > kDayMs / unit_ms) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "{}: \"{}\" is not a time from 1 second to 1 day; write seconds, as in {} 90, or 90s, 5m, 1h",
            flag, text, flag));
  }
  return *value * unit_ms;
}

Result<proxy::ReadPolicy> read_policy_value(std::string_view flag, std::string_view text) {
  if (text == "primary") return proxy::ReadPolicy::kPrimary;
  if (text == "prefer-replica") return proxy::ReadPolicy::kPreferReplica;
  if (text == "nearest") return proxy::ReadPolicy::kNearest;
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: \"{}\" is no policy; write {} primary, prefer-replica or nearest", flag, text, flag));
}

Result<int64_t> lag_bytes_value(std::string_view flag, std::string_view text) {
  std::optional<int64_t> size_bytes = cluster::parse_size(text);
  if (!size_bytes || *size_bytes < 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"{}\" is not a size; write, for example, {} 1Mi", flag, text, flag));
  }
  return *size_bytes;
}

Result<cluster::Mode> mode_value(std::string_view flag, std::string_view text) {
  if (text == "sharded") return cluster::Mode::kSharded;
  if (text == "replicated") return cluster::Mode::kReplicated;
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: \"{}\" is not a mode; write {} sharded or {} replicated", flag, text, flag, flag));
}

Result<int64_t> size_value(std::string_view flag, std::string_view text) {
  std::optional<int64_t> size_bytes = cluster::parse_size(text);
  if (!size_bytes || *size_bytes < (1 << 20)) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: \"{}\" is not a size of 1 MiB or more; write, for example, {} 512Mi or {} 2gb", flag,
                    text, flag, flag));
  }
  return *size_bytes;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& choices) {
  std::string_view best;
  int best_distance = std::max(1, static_cast<int>(word.size()) / 3) + 1;
  for (std::string_view choice : choices) {
    int distance = cluster::edit_distance(word, choice);
    if (distance < best_distance) {
      best = choice;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace keyway::cli
