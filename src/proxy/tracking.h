// CLIENT TRACKING and what belongs to it. The keys that a client reads are tracked by servers, by connection:
// so a client that asks for it gets connections that nobody shares. When one of them is lost, what its server
// knew is lost with it, and the client is told to forget everything. One thread a worker.
#pragma once

#include "proxy/dispatcher.h"

namespace keyway::proxy {

Verdict client_tracking(Client& client, const CommandView& command);
Verdict client_trackinginfo(Client& client, const CommandView& command);
Verdict client_getredir(Client& client, const CommandView& command);
Verdict client_caching(Client& client, const CommandView& command);

// The servers have agreed, or not.
void tracking_answered(Client& client, Request& request);

// The client has another account now, and so other connections.
void go_on_tracking(Client& client);

// A server tells that keys have changed which `listener` may have kept.
void invalidated(Client& listener, Request& frame);
// Nobody knows any more which.
void forget_all(Client& listener);

}  // namespace keyway::proxy
