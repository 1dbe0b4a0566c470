// MONITOR: what all primaries carry out, on connections of the client's own. One thread a worker.
#pragma once

#include "proxy/dispatcher.h"

namespace keyway::proxy {

Verdict monitor(Client& client, const CommandView& command);

// A frame from such a connection. True: it is for the client.
bool hear_monitor(Client& client, Request& frame);

}  // namespace keyway::proxy
