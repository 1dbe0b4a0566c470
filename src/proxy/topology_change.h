// What has changed from one topology to the next, for the log. Pure.
#pragma once

#include <vector>

#include "cluster/slots.h"
#include "proxy/topology.h"

namespace keyway::proxy {

struct OwnerChange {
  cluster::SlotRanges slots;
  Address from;           // empty: nobody owned them
  Address to;             // empty: nobody owns them now
  bool failover = false;  // the old owner's replica has taken its place
};

// Slots whose owner is another node, those of one old and one new owner together.
std::vector<OwnerChange> owner_changes(const Topology& before, const Topology& now);

}  // namespace keyway::proxy
