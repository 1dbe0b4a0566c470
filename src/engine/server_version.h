// The version of a server, to be compared. Pure.
#pragma once

#include <array>
#include <cstdint>

#include "cluster/observed.h"

namespace keyway::engine {

// Major, minor, patch; what is missing or no number is 0. Of Valkey its own, not that of Redis that it names
// too.
using Version = std::array<int64_t, 3>;

Version version_of(const cluster::ServerFacts& server);

}  // namespace keyway::engine
