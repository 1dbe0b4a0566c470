// Commands of which only a server can tell where their keys are: it is asked for each by COMMAND GETKEYS, and
// the command then goes where they belong. One thread a worker.
#pragma once

#include "proxy/dispatcher.h"

namespace keyway::proxy {

Verdict ask_for_keys(Client& client, const CommandView& command, Channel channel, bool leased);

// The answer has come. The request goes on as the command itself, or has its answer: CROSSSLOT, or the
// server's error.
void keys_told(Client& client, Request& request);

}  // namespace keyway::proxy
