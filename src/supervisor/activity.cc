#include "supervisor/activity.h"

#include <unistd.h>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"

namespace keyway::supervisor {

std::optional<Activity> activity_of(int pid) {
  const auto stat = platform::local::read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!stat) return std::nullopt;
  return parse_activity(*stat, ::sysconf(_SC_CLK_TCK));
}

std::optional<Activity> parse_activity(std::string_view stat, int64_t ticks_per_s) {
  // The second field is the program's name in parentheses and may hold blanks and parentheses itself.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || ticks_per_s <= 0) return std::nullopt;
  const auto fields = split_blanks(stat.substr(name_end + 1));
  constexpr size_t kState = 0, kUserTicks = 11, kSystemTicks = 12;  // fields 3, 14 and 15 of the line
  if (fields.size() <= kSystemTicks || fields[kState].size() != 1) return std::nullopt;
  const auto user = parse_int(fields[kUserTicks]);
  const auto system = parse_int(fields[kSystemTicks]);
  if (!user || !system) return std::nullopt;
  return Activity{fields[kState][0], (*user + *system) * 1000 / ticks_per_s};
}

}  // namespace keyway::supervisor
