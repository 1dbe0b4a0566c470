#include "operator/metrics.h"

#include <string_view>

#include "base/format.h"

namespace keyway::operators {

std::string render_metrics(const Counts& counts) {
  std::string text;
  const auto add = [&text](std::string_view name, std::string_view type, std::string_view help,
                           int64_t value) {
    text += fmt::format(
        "# HELP keyway_operator_{0} {1}\n# TYPE keyway_operator_{0} {2}\nkeyway_operator_{0} {3}\n", name,
        help, type, value);
  };
  add("leader", "gauge", "Whether this process leads", counts.leads ? 1 : 0);
  add("synced", "gauge", "Whether all objects have been read", counts.synced ? 1 : 0);
  add("clusters", "gauge", "KeywayCluster objects", counts.clusters);
  add("waiting_clusters", "gauge", "Clusters that are still to be looked at", counts.waiting);
  add("passes_total", "counter", "Looks at a cluster", static_cast<int64_t>(counts.passes));
  add("failed_passes_total", "counter", "Looks at a cluster that have to be repeated",
      static_cast<int64_t>(counts.failed_passes));
  add("writes_total", "counter", "Requests that change something", static_cast<int64_t>(counts.writes));
  add("api_requests_total", "counter", "Requests of all kinds, repetitions too",
      static_cast<int64_t>(counts.requests));
  return text;
}

}  // namespace keyway::operators
