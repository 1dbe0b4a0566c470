// Sharded mode: every slot has an owner, open slots are finished, and shares are as they should be.
#include <algorithm>
#include <map>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/balance.h"
#include "cluster/planning.h"

namespace keyway::cluster {

namespace {

// The primary, by now, of the shard to which the id belongs: the id's own node may have been replaced by its
// replica.
const NodeFacts* present_primary(Planning& planning, const std::string& id) {
  const KnownNode* known = planning.knowledge.find(id);
  if (known == nullptr || known->facts == nullptr) return nullptr;
  const ShardView* shard = planning.shard_of(*known->facts);
  return shard != nullptr && shard->primary_answers() ? shard->primary : nullptr;
}

using Moves = std::map<std::pair<std::string, std::string>, SlotRanges>;  // by the names of source and target

// Open slots that can be carried on, by pair. Those with nobody at the other end are closed.
Moves open_pairs(Planning& planning) {
  Moves pairs;
  for (const NodeFacts& node : planning.observed.nodes) {
    const PeerView* self = own_view(node);
    if (self == nullptr || !self->primary) continue;
    SlotRanges stale;
    for (const OpenSlot& open : node.server.open_slots) {
      const std::string& owner = planning.knowledge.owner(open.slot);
      const NodeFacts* from = open.importing ? present_primary(planning, owner) : &node;
      const NodeFacts* to = open.importing ? &node : present_primary(planning, open.peer_id);
      bool owner_known = !owner.empty();
      if (open.importing ? owner == node.server.id : (owner_known && owner != node.server.id)) {
        stale.push_back({open.slot, open.slot});  // the move is over, the flag was left
      } else if (from != nullptr && to != nullptr && from != to) {
        pairs[{from->name, to->name}].push_back({open.slot, open.slot});
      } else if (!open.importing && planning.knowledge.find(open.peer_id) == nullptr) {
        stale.push_back({open.slot, open.slot});  // the target is gone for good
      } else {
        planning.wait(
            fmt::format("slot {} is open on {} and the other end does not answer", open.slot, node.name));
      }
    }
    if (!stale.empty())
      planning.add(node.shard, CloseSlots{node.name, normalize(stale)}, "nothing is left to be moved");
  }
  return pairs;
}

// Slots that nobody owns, while all nodes answer that are to come back: nobody who is away can own them.
void cover(Planning& planning) {
  SlotRanges missing = planning.knowledge.unowned();
  if (missing.empty() || !planning.knowledge.any()) return;
  for (const ShardView& shard : planning.shards) {
    for (const NodeFacts* node : shard.all()) {
      bool never = !node->running() && std::ranges::find(shard.nodes, node) == shard.nodes.end();
      if (node->answering() || never) continue;
      planning.wait(fmt::format("{} without an owner; {} has yet to answer, it may own them",
                                count_of(count(missing), "slot"), node->name));
      return;
    }
  }
  int index = 0;
  auto shard_count = static_cast<int>(planning.desired.shards.size());
  SlotSet open = to_set(missing);
  for (const ShardView& shard : planning.shards) {
    if (shard.desired == nullptr) continue;
    SlotSet share =
        to_set(shard.desired->slots.value_or(SlotRanges{even_range(index++, shard_count)})) & open;
    const PeerView* self = shard.primary == nullptr ? nullptr : own_view(*shard.primary);
    if (share.none() || self == nullptr || !self->primary) continue;
    planning.add(shard.name, AddSlots{shard.primary->name, to_ranges(share)}, "nobody owns them");
  }
}

bool balance_may_begin(Planning& planning) {
  if (!planning.knowledge.any() || !planning.knowledge.unowned().empty()) return false;
  for (const ShardView& shard : planning.shards) {
    bool concerned = shard.desired != nullptr || !shard.slots.empty();
    if (!concerned) continue;
    const PeerView* self = shard.primary == nullptr ? nullptr : own_view(*shard.primary);
    if (self == nullptr || !self->primary || !shard.primary->server.cluster_ok ||
        planning.disrupted(shard.name))
      return false;
  }
  return true;
}

// Two primaries of one shard, or what the shares ask for.
Moves wanted_pairs(Planning& planning) {
  Moves pairs;
  std::vector<ShardSlots> shares;
  std::map<std::string, const NodeFacts*> primaries;
  for (const ShardView& shard : planning.shards) {
    for (const NodeFacts* node : shard.all()) {
      const KnownNode* known = planning.knowledge.find(effective_id(*node));
      if (node != shard.primary && known != nullptr && !known->view.slots.empty() && node->answering()) {
        pairs[{node->name, shard.primary->name}] = known->view.slots;
      }
    }
    if (shard.desired == nullptr && shard.slots.empty()) continue;
    shares.push_back({shard.name, shard.slots, shard.desired == nullptr ? std::nullopt : shard.desired->slots,
                      shard.desired == nullptr});
    primaries[shard.name] = shard.primary;
  }
  if (!pairs.empty()) return pairs;
  for (SlotMove& move : balance(shares))
    pairs[{primaries[move.from]->name, primaries[move.to]->name}] = std::move(move.slots);
  return pairs;
}

bool knows(const NodeFacts& viewer, const NodeFacts& other) {
  return std::ranges::any_of(viewer.server.peers, [&](const PeerView& peer) {
    return peer.id == other.server.id && !peer.handshake && !peer.noaddr;
  });
}

// A target with a slot that it began to import from a primary that has died since says cluster_state:fail for
// as long as the slot is open: such a move is carried on all the same.
void move(Planning& planning, const std::string& from_name, const std::string& to_name, SlotRanges slots,
          bool begun) {
  const NodeFacts* from = planning.observed.find(from_name);
  const NodeFacts* to = planning.observed.find(to_name);
  for (const NodeFacts* end : {from, to}) {
    if (end == nullptr || !end->answering() || planning.disrupted(end->shard)) return;
    bool excused = begun && end == to;
    if (!end->server.cluster_ok && !excused) {
      planning.wait(fmt::format("slots move from {} to {} once {} says cluster_state:ok", from_name, to_name,
                                end->name));
      return;
    }
  }
  if (!knows(*from, *to) || !knows(*to, *from)) {
    planning.wait(fmt::format("{} and {} are getting to know each other", from_name, to_name));
    return;
  }
  if (!begun && mistaken_for(planning.observed, planning.knowledge, to->server.id).any()) {
    planning.wait(fmt::format("slots move to {} once all have heard which ones it has", to_name));
    return;
  }
  planning.add(from->shard, MoveSlots{from_name, to_name, std::move(slots)},
               begun ? "it was begun" : "shards shall have their shares");
}

}  // namespace

void plan_slots(Planning& planning) {
  cover(planning);
  auto open = open_pairs(planning);
  int moves = 0;
  for (auto& [pair, slots] : open) {
    if (moves++ < planning.policy.max_moves)
      move(planning, pair.first, pair.second, normalize(std::move(slots)), true);
  }
  if (!balance_may_begin(planning)) return;
  for (auto& [pair, slots] : wanted_pairs(planning)) {
    if (open.contains(pair)) continue;
    if (moves++ < planning.policy.max_moves) move(planning, pair.first, pair.second, std::move(slots), false);
  }
}

}  // namespace keyway::cluster
