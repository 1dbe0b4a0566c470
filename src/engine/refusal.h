// A server's error reply as an Error. Pure.
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "resp/command.h"
#include "resp/reply.h"

namespace keyway::engine {

// "127.0.0.1:7001 refused CLUSTER SETSLOT 5 NODE …: ERR Unknown node …". kUnavailable if it may work later as
// it is, kDenied, kExhausted (memory, disk), else kConflict. Secrets of the command are not told.
Error refusal(const Address& address, const resp::Command& command, const resp::Reply& reply);

}  // namespace keyway::engine
