// Whatever is read as a schedule of backups is written so that it is read as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cluster/backup_schedule.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace cluster = keyway::cluster;
  const auto schedule = cluster::parse_backup_schedule({reinterpret_cast<const char*>(data), size}, "f");
  if (!schedule) return 0;
  const auto again = cluster::parse_backup_schedule(cluster::to_yaml(*schedule), "f");
  if (!again || *again != *schedule) std::abort();
  return 0;
}
