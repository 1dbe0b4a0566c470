// INFO of all shards as that of one server. Pure.
#pragma once

#include <string>
#include <vector>

#include "proxy/chunk.h"

namespace keyway::proxy {

// The replies, bulk or verbatim strings, as one of the same type: counts and sizes are sums, all else is the
// first's.
std::string merge_info(const std::vector<Slice>& replies, int64_t held_clients);

}  // namespace keyway::proxy
