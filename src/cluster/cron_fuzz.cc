// Whatever is taken for a schedule has a next time that is later, or never comes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cluster/cron.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace cluster = keyway::cluster;
  const auto cron = cluster::parse_cron({reinterpret_cast<const char*>(data), size});
  if (!cron) return 0;
  const cluster::CivilMinute now{std::chrono::minutes(29'000'000)};
  const auto due = cluster::next_due(*cron, now);
  if (due && *due <= now) std::abort();
  return 0;
}
