// Whatever is in nodes.conf: what comes out is accepted again as it is.
#include <cstdlib>

#include "agent/table_repair.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const keyway::Address own = {"10.0.0.9", 6379};
  auto repaired = keyway::agent::repair_table(text, own, {});
  if (!repaired || repaired->text.empty()) return 0;
  auto again = keyway::agent::repair_table(repaired->text, own, {});
  if (!again || again->changed || again->torn || again->text != repaired->text) std::abort();
  return 0;
}
