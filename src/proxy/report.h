// What the proxy tells programs about its traffic, as JSON. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/stats.h"

namespace keyway::proxy {

// Counts since the start, as of `clock_us` of a clock that only goes forward: of two such, what was between.
std::string report_stats(const std::vector<const Stats*>& workers, int64_t clock_us);

// The last requests that took long, the latest first.
std::string report_slow(const std::vector<const Stats*>& workers);

// Keys that come often, with their shares of the keys that come, and keys with large requests or replies.
std::string report_keys(const std::vector<const Stats*>& workers);

}  // namespace keyway::proxy
