// SUBSCRIBE and its kin: on a connection of the client's own, whose answers are passed on as they come. One
// thread a worker.
#pragma once

#include "proxy/dispatcher.h"
#include "proxy/session.h"

namespace keyway::proxy {

Verdict subscribe(Client& client, const CommandView& command);

// Any other command of a RESP2 client that has subscriptions.
Verdict while_subscribed(Client& client, const CommandView& command);

enum class Heard : uint8_t {
  kMessage,  // for the client
  kNothing,  // that it has to know
};

// Takes note of what a frame from a connection that is the client's own says of its subscriptions. The
// numbers of channels in it become those of all its connections together.
Heard hear(Client& client, Upstream& upstream, Request& frame);

}  // namespace keyway::proxy
