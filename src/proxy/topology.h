// Who owns which slot, as one value that workers share: made anew by whoever learns of a change, never
// changed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "cluster/observed.h"
#include "cluster/slots.h"

namespace keyway::proxy {

struct TopologyNode {
  std::string id;
  Address address;
  std::string hostname;  // that it announces; empty: none
  bool primary = false;
  bool failed = false;     // a majority says so
  std::string primary_id;  // of a replica
  uint64_t config_epoch = 0;
};

struct Topology {
  static constexpr uint16_t kNobody = UINT16_MAX;

  Topology() { owners.fill(kNobody); }

  std::vector<TopologyNode> nodes;
  std::array<uint16_t, cluster::kSlotCount> owners{};  // places in `nodes`, or kNobody
  bool sharded = true;  // false: one server with its replicas, without cluster mode
};

// One node's CLUSTER NODES, and where that node was reached.
struct NodesView {
  Address asked;
  std::vector<cluster::PeerView> peers;
};

// What the views say together: of a slot that several nodes claim the one with the highest config epoch, as
// among the servers themselves; a node's word about itself outweighs the others' word about it. Nodes that
// have no address or are being introduced are left out.
Topology join_views(const std::vector<NodesView>& views);

}  // namespace keyway::proxy
