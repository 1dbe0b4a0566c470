// For tests: a small cluster as a survey would find it, in order until it is damaged. Node n has the id
// id_of(n) and the address 127.0.0.1:7000+n.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/format.h"
#include "cluster/observed.h"

namespace keyway::cluster {

inline std::string id_of(int number) { return fmt::format("{:040}", number); }
inline Address address_of(int number) { return {"127.0.0.1", static_cast<uint16_t>(7000 + number)}; }

// The first `primaries` nodes are primaries with even shares; the others are their replicas, in turn.
class Town {
 public:
  Town(int primaries, int replicas) {
    std::vector<PeerView> table;
    for (int n = 0; n < primaries + replicas; ++n) {
      PeerView& peer = table.emplace_back();
      int shard = n % primaries;
      peer.id = id_of(n);
      peer.address = address_of(n);
      peer.bus_port = static_cast<uint16_t>(peer.address.port + 10000);
      peer.linked = true;
      peer.primary = n < primaries;
      peer.config_epoch = static_cast<uint64_t>(shard) + 1;
      if (peer.primary) {
        peer.slots = {even_range(shard, primaries)};
      } else {
        peer.primary_id = id_of(shard);
      }
    }
    for (int n = 0; n < primaries + replicas; ++n) add(n, table);
  }

  NodeFacts& node(int n) { return observed.nodes[static_cast<size_t>(n)]; }
  // How `viewer` sees `n`.
  PeerView& view(int viewer, int n) {
    for (PeerView& peer : node(viewer).server.peers) {
      if (peer.id == id_of(n)) return peer;
    }
    throw std::logic_error("no such view");
  }
  PeerView& own(int n) { return view(n, n); }

  // Its process ended; `noticed` by the others.
  void kill(int n, bool noticed = true) {
    node(n).reach = Reach::kSilent;
    node(n).note = "cannot connect";
    node(n).server = {};
    for (NodeFacts& viewer : observed.nodes) {
      for (PeerView& peer : viewer.server.peers) {
        if (peer.id != id_of(n) || !noticed) continue;
        peer.linked = false;
        peer.fail = true;
      }
    }
  }
  void forget(int viewer, int n) {
    std::erase_if(node(viewer).server.peers, [&](const PeerView& peer) { return peer.id == id_of(n); });
  }
  void take(int viewer, int n, Slot slot) { edit(viewer, n, slot, false); }
  void give(int viewer, int n, Slot slot) { edit(viewer, n, slot, true); }
  // Everybody but those that claim it themselves sees the slot on `n`.
  void move(int from, int to, Slot slot) {
    for (int viewer = 0; viewer < size(); ++viewer) {
      if (!node(viewer).answering()) continue;
      take(viewer, from, slot);
      give(viewer, to, slot);
    }
  }
  void open(int n, Slot slot, bool importing, int peer) {
    node(n).server.open_slots.push_back({slot, id_of(peer), importing});
  }
  int size() const { return static_cast<int>(observed.nodes.size()); }

  Observed observed;

 private:
  void add(int n, std::vector<PeerView> table) {
    NodeFacts& facts = observed.nodes.emplace_back();
    PeerView& self = table[static_cast<size_t>(n)];
    self.myself = true;
    facts.address = address_of(n);
    facts.name = to_string(facts.address);
    facts.id = facts.server.id = self.id;
    facts.process = Process::kRunning;
    facts.reach = Reach::kAnswering;
    facts.server.cluster_ok = facts.server.link_up = facts.server.was_linked = true;
    facts.server.offset = 1000 + n;
    facts.server.role = self.primary ? Role::kPrimary : Role::kReplica;
    facts.server.peers = std::move(table);
  }
  void edit(int viewer, int n, Slot slot, bool owned) {
    PeerView& seen = view(viewer, n);
    SlotSet slots = to_set(seen.slots);
    slots.set(slot, owned);
    seen.slots = to_ranges(slots);
  }
};

}  // namespace keyway::cluster
