// What a step does to the facts, if it works: the model behind the plan command and the planner's property
// tests.
#include <algorithm>

#include "cluster/ownership.h"
#include "cluster/plan.h"

namespace keyway::cluster {

namespace {

class Prediction {
 public:
  Prediction(Observed& observed, const Desired& desired, int64_t now_ms)
      : observed_(observed), desired_(desired), now_ms_(now_ms) {}

  void operator()(const StartNode& step) {
    NodeFacts& node = *observed_.find(step.node);
    node.process = Process::kRunning;
    node.reach = Reach::kAnswering;
    node.started_ms = now_ms_;
    node.failed_starts = 0;
    node.applied_config = step.config;
    node.applied_users = desired_.users_fingerprint;
    node.has_node_table = true;
    // The table of a stopped server is on its disk; here it is what its server knew last.
    std::vector<PeerView> table = step.table.empty() ? node.server.peers : step.table;
    node.server = {};
    node.server.cluster_ok = true;
    node.server.id = node.id;
    if (!sharded()) {
      start_replicated(node, step);
      return;
    }
    node.server.current_epoch = step.current_epoch;
    node.server.peers = std::move(table);
    node.server.role = Role::kPrimary;
    for (PeerView& peer : node.server.peers) {
      peer.linked = true;
      if (peer.myself && !peer.primary) node.server.role = Role::kReplica;
    }
    node.server.link_up = node.server.role == Role::kReplica;
    node.server.offset = 100;
    tell_others(node);
    hear_others(node);
    hear_epochs();
    for (NodeFacts& each : observed_.nodes) {
      if (each.answering() && each.server.role == Role::kPrimary) yield_to_newer(each);
    }
    reconnect_followers(node);
  }

  void operator()(const StopNode& step) {
    NodeFacts& node = *observed_.find(step.node);
    node.process = Process::kStopped;
    node.reach = Reach::kSilent;
    node.data = DataOnDisk::kPresent;
    ServerFacts last;
    last.peers = std::move(node.server.peers);
    node.server = std::move(last);
  }

  void operator()(const SetDataAside& step) {
    NodeFacts& node = *observed_.find(step.node);
    node.data = DataOnDisk::kNone;
    node.unloadable = false;
    if (step.table) node.has_node_table = false;
  }

  void operator()(const RemoveNode& step) {
    std::string shard = observed_.find(step.node)->shard;
    std::erase_if(observed_.nodes, [&](const NodeFacts& node) { return node.name == step.node; });
    bool shard_is_left =
        std::ranges::any_of(observed_.nodes, [&](const NodeFacts& n) { return n.shard == shard; });
    if (!shard_is_left) observed_.shards.erase(shard);
  }

  void operator()(const Meet& step) {
    NodeFacts& newcomer = *observed_.find(step.node);
    for (const std::string& name : step.on) {
      NodeFacts& host = *observed_.find(name);
      learn(newcomer, host);
      learn(host, newcomer);
    }
  }

  void operator()(const AddSlots& step) {
    SlotSet slots = to_set(step.slots);
    const std::string& id = observed_.find(step.node)->server.id;
    for_each_view(id, [&](PeerView& peer) { peer.slots = to_ranges(to_set(peer.slots) | slots); });
  }

  void operator()(const Follow& step) { follow(*observed_.find(step.node), *observed_.find(step.primary)); }

  void operator()(const Promote& step) {
    NodeFacts& next = *observed_.find(step.node);
    NodeFacts* last = observed_.find(step.from);
    next.server.role = Role::kPrimary;
    next.server.primary_address = {};
    next.server.link_up = false;
    if (sharded()) take_slots(next);
    if (last != nullptr && last->answering()) follow(*last, next);
    reconnect_followers(next);
    if (!sharded()) return;
    for (NodeFacts& node : observed_.nodes) {
      const PeerView* self = own_view(node);
      bool sibling = &node != &next && node.shard == next.shard && self != nullptr && !self->primary;
      if (sibling) follow(node, next);
    }
  }

  void operator()(const Forget& step) {
    for (const std::string& name : step.on) {
      NodeFacts& node = *observed_.find(name);
      std::erase_if(node.server.peers,
                    [&](const PeerView& peer) { return peer.id == step.id && !peer.myself; });
    }
  }

  void operator()(const MoveSlots& step) {
    NodeFacts& from = *observed_.find(step.from);
    NodeFacts& to = *observed_.find(step.to);
    SlotSet moving = to_set(step.slots);
    int held = 0;
    if (const PeerView* self = own_view(from)) held = count(self->slots);
    int64_t keys = held == 0 ? 0 : from.server.keys * count(step.slots) / held;
    from.server.keys -= keys;
    to.server.keys += keys;
    uint64_t epoch = next_epoch();
    for_each_view(from.server.id,
                  [&](PeerView& peer) { peer.slots = to_ranges(to_set(peer.slots) & ~moving); });
    for_each_view(to.server.id, [&](PeerView& peer) {
      peer.slots = to_ranges(to_set(peer.slots) | moving);
      peer.config_epoch = epoch;
    });
    for (NodeFacts* end : {&from, &to}) {
      std::erase_if(end->server.open_slots, [&](const OpenSlot& open) { return moving.test(open.slot); });
    }
  }

  void operator()(const CloseSlots& step) {
    std::erase_if(observed_.find(step.node)->server.open_slots,
                  [&](const OpenSlot& open) { return contains(step.slots, open.slot); });
  }

  void operator()(const SetConfig& step) { observed_.find(step.node)->applied_config = step.complete; }
  void operator()(const ApplyUsers& step) {
    observed_.find(step.node)->applied_users = desired_.users_fingerprint;
  }
  void operator()(const RecordPrimary& step) { observed_.shards[step.shard].primary = step.node; }
  void operator()(const RecordFollow& step) { observed_.find(step.node)->follow_on_disk = step.follow; }
  void operator()(const RecordData& step) { observed_.shards[step.shard].held_data = true; }
  void operator()(const RecordIdentity& step) { observed_.find(step.node)->id = step.id; }
  void operator()(const RecordFormed&) { observed_.formed = true; }
  void operator()(const ClearSwitchover&) {
  }  // a request is no fact; whoever predicts takes it out of `desired`

 private:
  bool sharded() const { return desired_.mode == Mode::kSharded; }

  void start_replicated(NodeFacts& node, const StartNode& step) {
    bool primary = step.follow.empty() && !step.hold;
    node.follow_on_disk = step.hold ? std::string(kHeld) : step.follow;
    node.server.role = primary ? Role::kPrimary : Role::kReplica;
    if (step.follow.empty()) return;
    node.server.primary_address = observed_.find(step.follow)->address;
    node.server.link_up = true;
  }

  // Those that know the node hear of the role in which it came up.
  void tell_others(const NodeFacts& node) {
    const PeerView* own = own_view(node);
    if (own == nullptr) return;
    PeerView self = *own;
    for_each_view(node.id, [&](PeerView& peer) {
      peer.primary = self.primary;
      peer.primary_id = self.primary_id;
      peer.slots = self.slots;
      peer.config_epoch = self.config_epoch;
      peer.fail = peer.pfail = false;
      peer.linked = true;
    });
  }

  // The table that it started with may be older than what happened since.
  void hear_others(NodeFacts& node) {
    for (const NodeFacts& other : observed_.nodes) {
      bool known = std::ranges::any_of(node.server.peers,
                                       [&](const PeerView& peer) { return peer.id == other.server.id; });
      if (&other != &node && known && own_view(other) != nullptr) learn(node, other);
    }
  }

  // A primary whose slots another took while it was away becomes that one's replica.
  void yield_to_newer(NodeFacts& node) {
    const PeerView* self = own_view(node);
    if (self == nullptr || self->slots.empty()) return;
    SlotSet own = to_set(self->slots);
    for (const NodeFacts& other : observed_.nodes) {
      const PeerView* rival = &other == &node ? nullptr : own_view(other);
      if (rival == nullptr || !rival->primary || rival->config_epoch <= self->config_epoch) continue;
      if ((to_set(rival->slots) & own) != own) continue;
      follow(node, other);
      return;
    }
  }

  void reconnect_followers(const NodeFacts& primary) {
    for (NodeFacts& node : observed_.nodes) {
      if (!node.answering() || node.server.role != Role::kReplica) continue;
      const PeerView* self = own_view(node);
      bool follows = sharded() ? self != nullptr && self->primary_id == primary.server.id
                               : node.server.primary_address == primary.address;
      if (follows) node.server.link_up = true;
    }
  }

  // Whoever speaks with another has its current epoch, too.
  void hear_epochs() {
    uint64_t epoch = 0;
    for (const NodeFacts& node : observed_.nodes) {
      if (node.answering()) epoch = std::max(epoch, node.server.current_epoch);
    }
    for (NodeFacts& node : observed_.nodes) {
      if (node.answering()) node.server.current_epoch = epoch;
    }
  }

  uint64_t next_epoch() {
    uint64_t epoch = 0;
    for (const NodeFacts& node : observed_.nodes) epoch = std::max(epoch, node.server.current_epoch);
    ++epoch;
    for (NodeFacts& node : observed_.nodes) node.server.current_epoch = epoch;
    return epoch;
  }

  template <typename Change>
  void for_each_view(const std::string& id, Change change) {
    for (NodeFacts& node : observed_.nodes) {
      if (!node.running()) continue;  // what is on its disk stays as it is
      for (PeerView& peer : node.server.peers) {
        if (peer.id == id) change(peer);
      }
    }
  }

  static void learn(NodeFacts& viewer, const NodeFacts& other) {
    std::erase_if(viewer.server.peers, [&](const PeerView& peer) { return peer.id == other.server.id; });
    if (const PeerView* self = own_view(other)) {
      PeerView& peer = viewer.server.peers.emplace_back(*self);
      peer.myself = false;
      peer.linked = true;
    }
  }

  void follow(NodeFacts& node, const NodeFacts& primary) {
    node.server.role = Role::kReplica;
    node.server.primary_address = primary.address;
    node.server.link_up = primary.answering();
    node.server.syncing = false;
    node.server.keys = primary.server.keys;
    node.server.offset = primary.server.offset;
    if (!sharded()) return;
    for_each_view(node.server.id, [&](PeerView& peer) {
      peer.primary = false;
      peer.primary_id = primary.server.id;
      peer.slots.clear();
    });
  }

  void take_slots(NodeFacts& next) {
    const PeerView* self = own_view(next);
    if (self == nullptr) return;
    std::string old_id = self->primary_id;
    SlotRanges slots;
    for (const NodeFacts& node : observed_.nodes) {
      for (const PeerView& peer : node.server.peers) {
        if (peer.id == old_id && slots.empty()) slots = peer.slots;
      }
    }
    uint64_t epoch = next_epoch();
    for_each_view(old_id, [](PeerView& peer) { peer.slots.clear(); });
    for_each_view(next.server.id, [&](PeerView& peer) {
      peer.primary = true;
      peer.primary_id.clear();
      peer.slots = slots;
      peer.config_epoch = epoch;
      peer.fail = peer.pfail = false;
    });
  }

  Observed& observed_;
  const Desired& desired_;
  int64_t now_ms_;
};

}  // namespace

void predict(Observed& observed, const Desired& desired, const Action& action, int64_t now_ms) {
  std::visit(Prediction(observed, desired, now_ms), action);
}

}  // namespace keyway::cluster
