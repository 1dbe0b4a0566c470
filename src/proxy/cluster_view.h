// CLUSTER as the proxy answers it: it is the one node that owns all slots, so that clients which know
// clusters send it everything. One thread a worker.
#pragma once

#include "proxy/dispatcher.h"

namespace keyway::proxy {

Verdict cluster_slots(Client& client, const CommandView& command);
Verdict cluster_shards(Client& client, const CommandView& command);
Verdict cluster_nodes(Client& client, const CommandView& command);
Verdict cluster_info(Client& client, const CommandView& command);
Verdict cluster_myid(Client& client, const CommandView& command);
Verdict cluster_keyslot(Client& client, const CommandView& command);
// COUNTKEYSINSLOT and GETKEYSINSLOT: the slot's owner is asked.
Verdict cluster_of_slot(Client& client, const CommandView& command);

}  // namespace keyway::proxy
