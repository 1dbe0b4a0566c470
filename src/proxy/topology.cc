#include "proxy/topology.h"

#include <map>

namespace keyway::proxy {

namespace {

using cluster::PeerView;

struct Known {
  const PeerView* view = nullptr;
  Address address;
};

// A node does not always know its own address: there it was reached.
Address address_of(const PeerView& peer, const NodesView& view) {
  if (!peer.address.host.empty()) return peer.address;
  return {view.asked.host, peer.address.port != 0 ? peer.address.port : view.asked.port};
}

bool outweighs(const PeerView& peer, const PeerView& known) {
  if (peer.myself != known.myself) return peer.myself;
  return peer.config_epoch > known.config_epoch;
}

}  // namespace

Topology join_views(const std::vector<NodesView>& views) {
  std::map<std::string, Known> known;
  for (const NodesView& view : views) {
    for (const PeerView& peer : view.peers) {
      if (peer.handshake || peer.noaddr) continue;
      Known& entry = known[peer.id];
      if (entry.view == nullptr || outweighs(peer, *entry.view)) entry = {&peer, address_of(peer, view)};
    }
  }
  Topology topology;
  std::array<uint64_t, cluster::kSlotCount> epochs{};
  for (const auto& [id, entry] : known) {
    const PeerView& peer = *entry.view;
    auto place = static_cast<uint16_t>(topology.nodes.size());
    topology.nodes.push_back(
        {id, entry.address, peer.hostname, peer.primary, peer.fail, peer.primary_id, peer.config_epoch});
    for (const cluster::SlotRange& range : peer.slots) {
      for (size_t slot = range.first; slot <= range.last; ++slot) {
        if (topology.owners[slot] != Topology::kNobody && epochs[slot] >= peer.config_epoch) continue;
        topology.owners[slot] = place;
        epochs[slot] = peer.config_epoch;
      }
    }
  }
  return topology;
}

}  // namespace keyway::proxy
