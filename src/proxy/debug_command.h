// DEBUG: what is asked about a key is asked where that key is, everything else of all primaries. One thread a
// worker.
#pragma once

#include "proxy/dispatcher.h"

namespace keyway::proxy {

Verdict debug_command(Client& client, const CommandView& command);

}  // namespace keyway::proxy
