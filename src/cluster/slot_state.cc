#include "cluster/slot_state.h"

#include <algorithm>

namespace keyway::cluster {

Scene::Scene(const Observed& observed, const KeyCounts& keys) : observed_(observed), known_(observed) {
  add_claims();
  add_flags();
  add_keys(keys);
}

const NodeFacts* Scene::answering(const std::string& id) const {
  const KnownNode* node = known_.find(id);
  return node != nullptr && node->facts != nullptr && node->facts->answering() ? node->facts : nullptr;
}

const PeerView* Scene::primary(const std::string& id) const {
  const NodeFacts* facts = answering(id);
  if (facts == nullptr) return nullptr;
  const PeerView* own = own_view(*facts);
  return own != nullptr && own->primary ? own : nullptr;
}

bool Scene::lost(const std::string& id) const {
  const KnownNode* node = known_.find(id);
  if (node == nullptr) return true;
  if (node->linked) return false;
  return node->facts == nullptr || node->facts->reach == Reach::kSilent;
}

bool Scene::knows_primary(const std::string& viewer, const std::string& id) const {
  const NodeFacts* facts = answering(viewer);
  return facts != nullptr &&
         std::any_of(facts->server.peers.begin(), facts->server.peers.end(),
                     [&](const PeerView& peer) { return peer.id == id && peer.primary && !peer.handshake; });
}

std::string Scene::label(const std::string& id) const {
  const NodeFacts* facts = observed_.find_id(id);
  return facts == nullptr || facts->name.empty() ? id : facts->name;
}

// The offset tells nothing: it is 0 as long as an idle primary has sent nothing, and Valkey says 1 before
// there is a copy.
bool holds_copy(const NodeFacts& replica) {
  return replica.answering() && !replica.server.syncing &&
         (replica.server.was_linked || replica.server.keys > 0);
}

std::vector<const NodeFacts*> Scene::replicas_of(const std::string& id) const {
  std::vector<const NodeFacts*> replicas;
  for (const NodeFacts& node : observed_.nodes) {
    const PeerView* own = own_view(node);
    if (own != nullptr && !own->primary && own->primary_id == id) replicas.push_back(&node);
  }
  std::stable_sort(replicas.begin(), replicas.end(), [](const NodeFacts* a, const NodeFacts* b) {
    if (holds_copy(*a) != holds_copy(*b)) return holds_copy(*a);
    if (a->server.was_linked != b->server.was_linked) return a->server.was_linked;
    return a->server.offset > b->server.offset;
  });
  return replicas;
}

bool Scene::stands_for(const std::string& id, const std::string& primary) const {
  if (id == primary) return true;
  const KnownNode* old = known_.find(id);
  const KnownNode* now = known_.find(primary);
  if (old == nullptr || now == nullptr) return false;
  if (!old->view.primary && old->view.primary_id == primary) return true;
  return !old->view.shard_id.empty() && old->view.shard_id == now->view.shard_id;
}

SlotState& Scene::state(Slot slot) {
  auto [at, added] = states_.try_emplace(slot);
  if (added) {
    at->second.slot = slot;
    at->second.owner = known_.owner(slot);
  }
  return at->second;
}

void Scene::add_claims() {
  for (const SlotRange& range : known_.unowned()) {
    for (int slot = range.first; slot <= range.last; ++slot) state(static_cast<Slot>(slot));
  }
  for (const auto& [id, node] : known_.nodes()) {
    if (!lost(id)) continue;
    for (const SlotRange& range : node.view.slots) {
      for (int slot = range.first; slot <= range.last; ++slot) state(static_cast<Slot>(slot));
    }
  }
  for (const NodeFacts& node : observed_.nodes) {
    const PeerView* own = own_view(node);
    if (own == nullptr || !own->primary) continue;
    for (const SlotRange& range : own->slots) {
      for (int number = range.first; number <= range.last; ++number) {
        auto slot = static_cast<Slot>(number);
        if (known_.owner(slot) == own->id) continue;
        state(slot).claimants.push_back(own->id);
        if (primary(known_.owner(slot)) != nullptr) wrong_claimants_.insert(own->id);
      }
    }
  }
}

// A replica's flags are its primary's (Valkey from 8.0 replicates them), and go with them.
void Scene::add_flags() {
  for (const NodeFacts& node : observed_.nodes) {
    const PeerView* own = own_view(node);
    if (own == nullptr || !own->primary) continue;
    for (const OpenSlot& open : node.server.open_slots) {
      state(open.slot).flags.push_back({own->id, open.peer_id, open.importing});
    }
  }
}

void Scene::add_keys(const KeyCounts& keys) {
  for (const auto& [slot, holders] : keys) {
    bool stray = false;
    for (const auto& [id, count] : holders) stray = stray || (count > 0 && id != known_.owner(slot));
    if (stray || states_.contains(slot)) state(slot).keys = holders;
  }
}

}  // namespace keyway::cluster
