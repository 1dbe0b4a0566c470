// Sharded mode: everybody knows everybody at the right address, by the right identity, in the right role; and
// nobody else.
#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/format.h"
#include "cluster/planning.h"

namespace keyway::cluster {

namespace {

const PeerView* view_of(const NodeFacts& viewer, const std::string& id) {
  for (const PeerView& peer : viewer.server.peers) {
    if (peer.id == id && !peer.handshake) return &peer;
  }
  return nullptr;
}

// Who of the members knows where which other one is; made at once, since there are too many pairs to search a
// table for each. A handshake under way counts as knowing.
class Acquaintance {
 public:
  explicit Acquaintance(const std::vector<const NodeFacts*>& members) : count_(members.size()) {
    knows_.resize(count_ * count_);
    note_ports(members);
    std::unordered_multimap<std::string_view, size_t> by_id;
    for (size_t i = 0; i < count_; ++i) by_id.emplace(members[i]->server.id, i);
    for (size_t viewer = 0; viewer < count_; ++viewer) {
      for (const PeerView& peer : members[viewer]->server.peers) {
        if (peer.handshake) {
          for (size_t i = 0; i < count_; ++i) note(viewer, i, same_place(*members[i], peer));
          continue;
        }
        for (auto [at, end] = by_id.equal_range(peer.id); at != end; ++at) {
          bool there = !peer.noaddr && same_place(*members[at->second], peer);
          note(viewer, at->second, there);
        }
      }
    }
  }

  bool mutual(size_t one, size_t other) const {
    return knows_[one * count_ + other] && knows_[other * count_ + one];
  }

 private:
  // On one machine ports tell servers apart, and hosts may be written in several ways; pods all have one
  // port.
  void note_ports(const std::vector<const NodeFacts*>& members) {
    std::unordered_multimap<uint16_t, size_t> ports;
    for (const NodeFacts* node : members) ports.emplace(node->address.port, 0);
    for (const NodeFacts* node : members) by_port_ = by_port_ && ports.count(node->address.port) == 1;
  }
  bool same_place(const NodeFacts& node, const PeerView& peer) const {
    return node.address.port == peer.address.port && (by_port_ || node.address.host == peer.address.host);
  }

  void note(size_t viewer, size_t other, bool knows) {
    if (knows) knows_[viewer * count_ + other] = true;
  }

  size_t count_;
  bool by_port_ = true;      // each member has a port of its own
  std::vector<bool> knows_;  // [viewer * count_ + other]
};

// Nodes that are about to be removed are introduced to no one.
bool staying(const ShardView& shard, const NodeFacts& node) {
  return std::ranges::find(shard.nodes, &node) != shard.nodes.end();
}

void introduce(Planning& planning) {
  std::vector<const NodeFacts*> members;
  for (const ShardView& shard : planning.shards) {
    for (const NodeFacts* node : shard.all()) {
      if (node->answering() && (staying(shard, *node) || !shard.slots.empty())) members.push_back(node);
    }
  }
  Acquaintance acquaintance(members);
  // Of two that differ, the later one is the newcomer; one introduction tells both.
  for (size_t j = 1; j < members.size(); ++j) {
    Meet step{members[j]->name, {}};
    for (size_t i = 0; i < j; ++i) {
      if (members[i]->server.id == members[j]->server.id) continue;
      if (!acquaintance.mutual(i, j)) step.on.push_back(members[i]->name);
    }
    if (!step.on.empty()) planning.add("", std::move(step), "they do not know it, or not where it is");
  }
}

void record_identities(Planning& planning) {
  for (const NodeFacts& node : planning.observed.nodes) {
    if (node.answering() && !node.server.id.empty() && node.server.id != node.id) {
      planning.add(node.shard, RecordIdentity{node.name, node.server.id}, "its server goes by this id now");
    }
  }
}

void set_roles(Planning& planning, const ShardView& shard) {
  if (!shard.primary_answers()) return;
  const NodeFacts& primary = *shard.primary;
  for (const NodeFacts* node : shard.nodes) {
    if (node == &primary || !node->answering() || planning.follows(*node, primary)) continue;
    const KnownNode* known = planning.knowledge.find(node->server.id);
    if (known == nullptr || !known->view.slots.empty()) continue;  // the slots part moves them away first
    const PeerView* self = own_view(*node);
    if (self == nullptr || !self->slots.empty())
      continue;  // it has yet to hear that its slots went to another
    if (view_of(*node, primary.server.id) == nullptr) continue;  // not introduced yet
    if (known->view.primary && node->server.keys > 0) {
      planning.problem(shard.name, node->name,
                       fmt::format("{} owns no slots and yet holds {} keys; look at them with `keyway exec "
                                   "{} -- redis-cli`, and flush "
                                   "it if they are of no use: it will then follow {}",
                                   node->name, node->server.keys, node->name, primary.name));
      continue;
    }
    planning.add(shard.name, Follow{node->name, primary.name},
                 fmt::format("{} is the primary of {}", primary.name, shard.name));
  }
}

bool followed(const Planning& planning, const std::string& id) {
  return std::ranges::any_of(planning.knowledge.nodes(), [&](const auto& entry) {
    return !entry.second.view.primary && entry.second.view.primary_id == id && entry.second.facts != nullptr;
  });
}

// Ids in the tables that are no node's: lost identities and removed nodes. Strangers that live are told of,
// not thrown out.
void forget_lost(Planning& planning) {
  for (const auto& [id, known] : planning.knowledge.nodes()) {
    if (known.facts != nullptr || !known.view.slots.empty() || followed(planning, id)) continue;
    if (known.linked && !known.suspected) {
      planning.problem("", "",
                       fmt::format("an unknown server {} at {} is a member of the cluster; `CLUSTER FORGET` "
                                   "it if it does not belong",
                                   id, to_string(known.view.address)));
      continue;
    }
    Forget step{id, {}};
    for (const NodeFacts& node : planning.observed.nodes) {
      if (node.answering() && view_of(node, id) != nullptr) step.on.push_back(node.name);
    }
    if (!step.on.empty()) planning.add("", std::move(step), "it is no node of this cluster any more");
  }
}

}  // namespace

void plan_sharded_membership(Planning& planning) {
  record_identities(planning);
  introduce(planning);
  for (const ShardView& shard : planning.shards) {
    if (shard.desired != nullptr) set_roles(planning, shard);
  }
  forget_lost(planning);
}

}  // namespace keyway::cluster
