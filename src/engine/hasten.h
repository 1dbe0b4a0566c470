// Makes a FAILOVER of a replicated server short. While it is under way writes stand still until the replica
// has told its primary how far it is, which it does once a second; asked for it, it tells at once.
#pragma once

#include "base/address.h"
#include "engine/servers.h"

namespace keyway::engine {

// To be called right after FAILOVER was ordered. Asks `replica` until it is the primary, for 175 ms at most;
// what comes of the failover is not its business. Blocks; any thread that may use `servers`.
void hasten_failover(Servers& servers, const Address& replica);

}  // namespace keyway::engine
