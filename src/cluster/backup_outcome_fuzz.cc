// Whatever is read as an outcome is written so that it is read as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cluster/backup_outcome.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace cluster = keyway::cluster;
  const auto outcome = cluster::parse_backup_outcome({reinterpret_cast<const char*>(data), size});
  if (!outcome) return 0;
  const std::string text = cluster::to_json(*outcome);
  const auto again = cluster::parse_backup_outcome(text);
  if (text.size() > cluster::kMaxBackupOutcomeBytes || !again || again->good() != outcome->good())
    std::abort();
  return 0;
}
