// The counts of a pod as Prometheus reads them (text format 0.0.4): the server's, out of what it tells in
// INFO, and the agent's. Pure; any thread.
#pragma once

#include <string>

#include "agent/pod_state.h"

namespace keyway::agent {

// At most a few dozen lines, whatever the server says: only known fields of INFO are taken.
std::string render_metrics(const PodState& state);

}  // namespace keyway::agent
