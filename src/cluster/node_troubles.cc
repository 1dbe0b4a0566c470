#include "cluster/node_troubles.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <unordered_map>

namespace keyway::cluster {

namespace {

using OwnerTable = std::array<const std::string*, kSlotCount>;

// Who owns which slot in the eyes of one node.
OwnerTable table_of(const NodeFacts& node) {
  OwnerTable table{};
  for (const PeerView& peer : node.server.peers) {
    for (const SlotRange& range : peer.slots) {
      for (size_t slot = range.first; slot <= range.last; ++slot) table[slot] = &peer.id;
    }
  }
  return table;
}

// Slots that the node imports: its table keeps their owner as it was until the import ends.
SlotSet imported_by(const NodeFacts& node) {
  SlotSet slots;
  for (const OpenSlot& open : node.server.open_slots) {
    if (open.importing) slots.set(open.slot);
  }
  return slots;
}

void compare_beliefs(const Scene& scene, const NodeFacts& viewer, std::vector<WrongBelief>& beliefs) {
  static const std::string nobody;
  OwnerTable table = table_of(viewer);
  SlotSet frozen = imported_by(viewer);
  const std::string& self = viewer.server.id;
  std::set<std::string_view> acquaintances;
  for (const PeerView& peer : viewer.server.peers) acquaintances.insert(peer.id);
  std::map<std::pair<std::string, std::string>, SlotSet> wrong;  // by believed and actual owner
  for (size_t slot = 0; slot < table.size(); ++slot) {
    const std::string& owner = scene.known().owner(static_cast<Slot>(slot));
    const std::string& believed = table[slot] == nullptr ? nobody : *table[slot];
    if (owner == believed || owner == self || believed == self || frozen[slot]) continue;
    if (scene.primary(owner) != nullptr) wrong[{believed, owner}].set(slot);
  }
  for (const auto& [who, slots] : wrong) {
    // Of a node that it does not know it can have no idea; that is another trouble.
    if (!acquaintances.contains(who.second)) continue;
    beliefs.push_back({self, who.first, who.second, to_ranges(slots)});
  }
}

// An answering primary for a replica without one: the end of the chain that it follows, else its shard's,
// else the one with the fewest replicas, on another host if there is one.
std::string primary_for(const Scene& scene, const NodeFacts& replica, const PeerView& own) {
  const KnownNode* followed = scene.known().find(own.primary_id);
  if (followed != nullptr && scene.primary(followed->view.primary_id) != nullptr) {
    return followed->view.primary_id;
  }
  std::string best;
  std::pair<bool, size_t> best_rank;
  for (const NodeFacts& node : scene.observed().nodes) {
    const PeerView* primary = scene.primary(effective_id(node));
    if (primary == nullptr || primary->slots.empty()) continue;
    if (!own.shard_id.empty() && own.shard_id == primary->shard_id) return primary->id;
    std::pair rank(node.address.host == replica.address.host, scene.replicas_of(primary->id).size());
    if (!best.empty() && rank >= best_rank) continue;
    best = primary->id;
    best_rank = rank;
  }
  return best;
}

bool owns_nothing(const Scene& scene, const std::string& id) {
  const KnownNode* node = scene.known().find(id);
  return node == nullptr || node->view.slots.empty();
}

// The tables of all answering nodes, to be looked up by id. Handshakes and nodes without an address are no
// acquaintances.
class Tables {
 public:
  explicit Tables(const Scene& scene) {
    for (const NodeFacts& node : scene.observed().nodes) {
      if (!node.answering()) continue;
      viewers_.push_back(&node);
      auto& table = tables_[node.server.id];
      for (const PeerView& peer : node.server.peers) {
        if (!peer.handshake && !peer.noaddr) table[peer.id] = &peer;
      }
    }
  }

  const std::vector<const NodeFacts*>& viewers() const { return viewers_; }
  // Null: the viewer does not know it.
  const PeerView* find(const std::string& viewer, const std::string& id) const {
    const auto& table = tables_.at(viewer);
    auto found = table.find(id);
    return found == table.end() ? nullptr : found->second;
  }

 private:
  std::vector<const NodeFacts*> viewers_;
  std::unordered_map<std::string_view, std::unordered_map<std::string_view, const PeerView*>> tables_;
};

HalfKnown acquaintance(const Scene& scene, const Tables& tables, const std::string& id) {
  HalfKnown who;
  who.id = id;
  bool answers = scene.answering(id) != nullptr;
  for (const NodeFacts* viewer : tables.viewers()) {
    const std::string& viewer_id = viewer->server.id;
    if (viewer_id == id) continue;
    if (tables.find(viewer_id, id) != nullptr) {
      who.known_by.push_back(viewer_id);
    } else if (!answers || tables.find(id, viewer_id) != nullptr) {
      who.forgotten_by.push_back(viewer_id);
    } else if (viewer_id < id) {
      who.never_met.push_back(viewer_id);
    }
  }
  who.removable = !answers && scene.lost(id) && owns_nothing(scene, id) && scene.replicas_of(id).empty();
  return who;
}

}  // namespace

std::vector<WrongBelief> wrong_beliefs(const Scene& scene) {
  std::vector<WrongBelief> beliefs;
  for (const NodeFacts& node : scene.observed().nodes) {
    if (node.answering()) compare_beliefs(scene, node, beliefs);
  }
  return beliefs;
}

std::vector<DeafViewer> deaf_viewers(const Scene& scene) {
  Tables tables(scene);
  std::vector<DeafViewer> found;
  for (const NodeFacts& node : scene.observed().nodes) {
    const PeerView* own = own_view(node);
    const PeerView* primary = own == nullptr || own->primary ? nullptr : scene.primary(own->primary_id);
    if (primary == nullptr) continue;
    for (const NodeFacts* viewer : tables.viewers()) {
      const PeerView* seen = tables.find(viewer->server.id, own->id);
      if (seen != nullptr && seen->primary && seen->config_epoch > primary->config_epoch)
        found.push_back({viewer->server.id, own->id, primary->id, seen->config_epoch});
    }
  }
  return found;
}

std::vector<std::vector<std::string>> colliding_epochs(const Scene& scene) {
  std::map<uint64_t, std::vector<std::string>> by_epoch;
  for (const auto& [id, node] : scene.known().nodes()) {
    if (const PeerView* primary = scene.primary(id)) by_epoch[primary->config_epoch].push_back(id);
  }
  std::vector<std::vector<std::string>> collisions;
  for (auto& [epoch, ids] : by_epoch) {
    if (ids.size() < 2) continue;
    std::reverse(ids.begin(), ids.end());
    collisions.push_back(ids);
  }
  return collisions;
}

std::vector<Orphan> orphans(const Scene& scene) {
  std::vector<Orphan> found;
  for (const NodeFacts& node : scene.observed().nodes) {
    const PeerView* own = own_view(node);
    if (own == nullptr || own->primary) continue;
    const KnownNode* followed = scene.known().find(own->primary_id);
    bool chained = followed != nullptr && !followed->view.primary;
    bool useless = followed != nullptr && scene.lost(own->primary_id) && owns_nothing(scene, own->primary_id);
    if (followed != nullptr && !chained && !useless) continue;
    Orphan orphan{own->id, own->primary_id, primary_for(scene, node, *own), 0};
    if (useless) orphan.keys = node.server.keys;
    found.push_back(std::move(orphan));
  }
  return found;
}

std::vector<HalfKnown> half_known(const Scene& scene) {
  Tables tables(scene);
  std::vector<HalfKnown> found;
  for (const NodeFacts& node : scene.observed().nodes) {
    HalfKnown who = acquaintance(scene, tables, effective_id(node));
    if (!who.forgotten_by.empty() || !who.never_met.empty()) found.push_back(std::move(who));
  }
  return found;
}

std::vector<StaleAddress> stale_addresses(const Scene& scene) {
  Tables tables(scene);
  std::vector<StaleAddress> found;
  for (const NodeFacts& node : scene.observed().nodes) {
    const PeerView* own = own_view(node);
    if (own == nullptr) continue;
    Address actual = own->address;
    if (actual.host.empty()) actual.host = node.address.host;
    for (const NodeFacts* viewer : tables.viewers()) {
      const PeerView* seen = viewer == &node ? nullptr : tables.find(viewer->server.id, own->id);
      bool linked = seen != nullptr && seen->linked && !seen->fail && !seen->pfail;
      if (seen == nullptr || linked) continue;
      if (seen->address == actual && seen->bus_port == own->bus_port) continue;
      found.push_back({viewer->server.id, own->id, seen->address, actual, seen->bus_port, own->bus_port});
    }
  }
  return found;
}

}  // namespace keyway::cluster
