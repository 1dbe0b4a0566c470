// The status of a KeywayCluster: what people, `kubectl wait` and autoscalers look at. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "operator/snapshot.h"

namespace keyway::operators {

struct StatusInput {
  const Snapshot& snapshot;
  const Decision& decision;
  std::vector<Remark> failures;  // what the API server did not let be done
  int64_t now_s = 0;             // Unix time
};

// JSON. Not of a cluster that is being deleted.
std::string status_json(const StatusInput& input);
// Whether both say the same, however they are written.
bool same_status(std::string_view one, std::string_view other);

}  // namespace keyway::operators
