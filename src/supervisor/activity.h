// Signs of life of a process, from /proc. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace keyway::supervisor {

struct Activity {
  char state = '?';    // as in /proc/PID/stat: R running, S sleeping, D in a disk wait, T stopped, Z ended, …
  int64_t cpu_ms = 0;  // that it has used
};

// Nothing if there is no such process.
std::optional<Activity> activity_of(int pid);

// The content of /proc/PID/stat; nothing if it is none.
std::optional<Activity> parse_activity(std::string_view stat, int64_t ticks_per_s);

}  // namespace keyway::supervisor
