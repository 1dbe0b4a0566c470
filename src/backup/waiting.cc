#include "backup/waiting.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/clock.h"

namespace keyway::backup {

void wait_unless(const std::function<bool()>& stop, int64_t timeout_ms) {
  constexpr int64_t slice_ms = 50;
  int64_t deadline_ms = monotonic_ms() + timeout_ms;
  for (int64_t now_ms = monotonic_ms(); now_ms < deadline_ms; now_ms = monotonic_ms()) {
    if (stop && stop()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(std::min(slice_ms, deadline_ms - now_ms)));
  }
}

}  // namespace keyway::backup
