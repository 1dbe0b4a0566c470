// One command that a server either carries out or refuses.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "engine/servers.h"

namespace keyway::engine {

// Anything but OK is an error: those of Servers::call, or the refusal (engine/refusal.h).
Status order(Servers& servers, const Address& address, const resp::Command& command, int64_t timeout_ms);

}  // namespace keyway::engine
