#include "cluster/ownership.h"

#include <algorithm>

namespace keyway::cluster {

const std::string& effective_id(const NodeFacts& node) {
  return node.answering() && !node.server.id.empty() ? node.server.id : node.id;
}

const PeerView* own_view(const NodeFacts& node) {
  if (!node.answering()) return nullptr;
  for (const PeerView& peer : node.server.peers) {
    if (peer.myself) return &peer;
  }
  return nullptr;
}

Knowledge::Knowledge(const Observed& observed) {
  for (const NodeFacts& node : observed.nodes) {
    if (!node.answering()) continue;
    any_ = true;
    current_epoch_ = std::max(current_epoch_, node.server.current_epoch);
    for (const PeerView& view : node.server.peers) merge(node, view);
  }
  for (const NodeFacts& node : observed.nodes) {
    auto found = nodes_.find(effective_id(node));
    if (found != nodes_.end()) found->second.facts = &node;
  }
  assign_slots();
}

void Knowledge::merge(const NodeFacts& viewer, const PeerView& view) {
  if (view.handshake || view.id.empty()) return;
  auto [at, added] = nodes_.try_emplace(view.id);
  KnownNode& known = at->second;
  current_epoch_ = std::max(current_epoch_, view.config_epoch);
  if (view.myself) {
    known.view = view;
    known.view.address = viewer.address;
    known.own_word = known.linked = true;
    return;
  }
  if (view.fail || view.pfail || view.noaddr) known.suspected = true;
  if (view.linked && !view.fail && !view.pfail) known.linked = true;
  if (known.own_word) return;
  // A replica's epoch is its primary's, so of two views with the same one the replica's is borrowed: it is
  // what those say who have not heard of the promotion.
  bool surer = view.config_epoch > known.view.config_epoch ||
               (view.config_epoch == known.view.config_epoch && view.primary && !known.view.primary);
  if (added || surer) known.view = view;
}

void Knowledge::assign_slots() {
  std::array<uint64_t, kSlotCount> epoch{};
  for (auto& [id, known] : nodes_) {
    if (!known.view.primary) continue;
    for (const SlotRange& range : known.view.slots) {
      for (int slot = range.first; slot <= range.last; ++slot) {
        auto at = static_cast<size_t>(slot);
        // Ties go to the first id: any order will do, as the servers themselves raise one of two equal
        // epochs.
        if (owner_[at] == nullptr || known.view.config_epoch > epoch[at]) {
          owner_[at] = &id;
          epoch[at] = known.view.config_epoch;
        }
      }
    }
    known.view.slots.clear();
  }
  const std::string* last_id = nullptr;
  SlotRanges* last_slots = nullptr;
  for (size_t slot = 0; slot < owner_.size(); ++slot) {
    if (owner_[slot] == nullptr) continue;
    if (owner_[slot] != last_id) {
      last_id = owner_[slot];
      last_slots = &nodes_.find(*last_id)->second.view.slots;
    }
    SlotRanges& slots = *last_slots;
    auto at = static_cast<Slot>(slot);
    if (!slots.empty() && slots.back().last + 1 == at) {
      slots.back().last = at;
    } else {
      slots.push_back({at, at});
    }
  }
}

const KnownNode* Knowledge::find(const std::string& id) const {
  auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : &found->second;
}

const std::string& Knowledge::owner(Slot slot) const {
  static const std::string nobody;
  const std::string* id = owner_[slot];
  return id == nullptr ? nobody : *id;
}

SlotRanges Knowledge::unowned() const {
  SlotRanges ranges;
  for (size_t slot = 0; slot < owner_.size(); ++slot) {
    if (owner_[slot] != nullptr) continue;
    auto at = static_cast<Slot>(slot);
    if (!ranges.empty() && ranges.back().last + 1 == at) {
      ranges.back().last = at;
    } else {
      ranges.push_back({at, at});
    }
  }
  return ranges;
}

SlotSet mistaken_for(const Observed& observed, const Knowledge& knowledge, const std::string& id) {
  SlotSet seen;
  for (const NodeFacts& node : observed.nodes) {
    if (!node.answering()) continue;
    for (const PeerView& peer : node.server.peers) {
      if (peer.id == id && !peer.myself) seen |= to_set(peer.slots);
    }
  }
  const KnownNode* known = knowledge.find(id);
  if (known != nullptr) seen &= ~to_set(known->view.slots);
  return seen & ~to_set(knowledge.unowned());
}

}  // namespace keyway::cluster
