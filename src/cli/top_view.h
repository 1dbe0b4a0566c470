// What a proxy did between two moments, as lines for people and as JSON for programs. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "cli/proxy_sample.h"
#include "cli/terminal.h"

namespace keyway::cli {

// Of one sort of requests, between two samples.
struct Pace {
  double per_s = 0;
  double p50_ms = 0;  // half of them took no longer
  double p99_ms = 0;
};

// `after` counts on from `before`; where it does not, the proxy was started anew, and all it has counts.
Pace pace_of(const RequestCounts& before, const RequestCounts& after, double seconds);

std::vector<std::string> top_lines(const ProxySample& before, const ProxySample& after,
                                   const Terminal& terminal);
std::string top_json(const ProxySample& before, const ProxySample& after);

}  // namespace keyway::cli
