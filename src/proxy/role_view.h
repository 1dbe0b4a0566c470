// The topology of a server without cluster mode and its replicas, from what they say to ROLE: one shard that
// owns all slots. Pure; any thread.
#pragma once

#include <vector>

#include "base/address.h"
#include "proxy/topology.h"
#include "resp/reply.h"

namespace keyway::proxy {

// What one server said to ROLE, and where it was reached.
struct RoleView {
  Address asked;
  resp::Reply role;
};

// Of several that take themselves for the primary, the one with the most replicas is it, then the one that is
// furthest. If none does, it is whom the replicas follow. Nodes go by their addresses.
Topology join_roles(const std::vector<RoleView>& views);

}  // namespace keyway::proxy
