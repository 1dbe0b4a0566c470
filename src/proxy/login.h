// AUTH and HELLO: whether a client is who it says to be, the proxy's own users decide if there are any, else
// the servers. One thread a worker.
#pragma once

#include "proxy/dispatcher.h"
#include "proxy/options.h"

namespace keyway::proxy {

Verdict auth(Client& client, const CommandView& command);
Verdict hello(Client& client, const CommandView& command);

// The servers' answer to either.
void login_answered(Client& client, Request& request);

// Whether what the client may do is the same by the options `now`.
bool keeps_rights(const Client& client, const ProxyOptions& before, const ProxyOptions& now);

// As a connection that has just been made.
Verdict reset(Client& client, const CommandView& command);

}  // namespace keyway::proxy
