// KEYWAY, the one command that servers do not know: what it is like behind the proxy, and commands to one
// server of the cluster. One thread a worker.
#pragma once

#include "proxy/dispatcher.h"

namespace keyway::proxy {

// KEYWAY NODES, KEYWAY NODE ADDR:PORT|ID command …, KEYWAY HELP. What is sent to a node is sent as the
// client's user, so that user's rules hold.
Verdict keyway_command(Client& client, const CommandView& command);

}  // namespace keyway::proxy
