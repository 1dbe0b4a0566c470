// Whatever is taken for what is wanted, or for a report, is written so that it is read back as the same; a
// report that was written once is not shortened again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "platform/kubernetes/cluster_lease.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace kubernetes = keyway::platform::kubernetes;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto wanted = kubernetes::parse_wanted(text)) {
    const auto again = kubernetes::parse_wanted(kubernetes::wanted_json(*wanted));
    if (!again || *again != *wanted) std::abort();
  }
  if (const auto report = kubernetes::parse_report(text)) {
    const std::string written = kubernetes::report_json(*report);
    const auto again = kubernetes::parse_report(written);
    if (!again || written.size() > kubernetes::kMaxReportBytes || kubernetes::report_json(*again) != written)
      std::abort();
  }
  return 0;
}
