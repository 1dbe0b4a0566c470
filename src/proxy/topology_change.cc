#include "proxy/topology_change.h"

#include <map>
#include <utility>

namespace keyway::proxy {

namespace {

const TopologyNode* owner_of(const Topology& topology, size_t slot) {
  uint16_t place = topology.owners[slot];
  return place == Topology::kNobody ? nullptr : &topology.nodes[place];
}

bool same_node(const TopologyNode* a, const TopologyNode* b) {
  return a == b || (a != nullptr && b != nullptr && a->id == b->id);
}

// Whether `node` was a replica of `primary`.
bool was_replica(const Topology& before, const TopologyNode& node, const TopologyNode& primary) {
  for (const TopologyNode& known : before.nodes) {
    if (known.id == node.id) return !known.primary && known.primary_id == primary.id;
  }
  return false;
}

}  // namespace

std::vector<OwnerChange> owner_changes(const Topology& before, const Topology& now) {
  std::map<std::pair<const TopologyNode*, const TopologyNode*>, cluster::SlotSet> moved;
  for (size_t slot = 0; slot < before.owners.size(); ++slot) {
    const TopologyNode* from = owner_of(before, slot);
    const TopologyNode* to = owner_of(now, slot);
    if (!same_node(from, to)) moved[{from, to}].set(slot);
  }
  std::vector<OwnerChange> changes;
  for (const auto& [ends, slots] : moved) {
    const auto& [from, to] = ends;
    OwnerChange change;
    change.slots = cluster::to_ranges(slots);
    if (from != nullptr) change.from = from->address;
    if (to != nullptr) change.to = to->address;
    change.failover = from != nullptr && to != nullptr && was_replica(before, *to, *from);
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace keyway::proxy
