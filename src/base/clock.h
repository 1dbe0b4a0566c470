// The two clocks, in milliseconds. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>

namespace keyway {

// Since some moment; never steps, and goes on while the machine sleeps.
inline int64_t monotonic_ms() {
  std::timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// Since 1970.
inline int64_t wall_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace keyway
