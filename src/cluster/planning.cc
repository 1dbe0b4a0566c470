#include "cluster/planning.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::cluster {

namespace {

// "p1-10" after "p1-2".
bool by_ordinal(const NodeFacts* left, const NodeFacts* right) {
  if (left->name.size() != right->name.size()) return left->name.size() < right->name.size();
  return left->name < right->name;
}

bool has_history(const NodeFacts& node, const std::string& replid) {
  return !replid.empty() && (node.server.replid == replid || node.server.replid2 == replid);
}

bool share_history(const NodeFacts& left, const NodeFacts& right) {
  return has_history(left, right.server.replid) || has_history(right, left.server.replid);
}

}  // namespace

std::vector<const NodeFacts*> ShardView::all() const {
  std::vector<const NodeFacts*> both = nodes;
  both.insert(both.end(), surplus.begin(), surplus.end());
  return both;
}

Planning::Planning(const Desired& desired_in, const Observed& observed_in, const Policy& policy_in,
                   int64_t now_ms_in)
    : desired(desired_in),
      observed(observed_in),
      policy(policy_in),
      now_ms(now_ms_in),
      knowledge(observed_in) {
  collect_shards();
}

bool Planning::add(const std::string& shard, Action action, std::string reason) {
  if (disruptive(action) && !disrupted_.insert(shard).second) return false;
  plan.steps.push_back(Step{std::move(action), shard, std::move(reason)});
  return true;
}

void Planning::wait(std::string text) { plan.waiting.push_back(std::move(text)); }

void Planning::problem(const std::string& shard, const std::string& node, std::string text) {
  plan.problems.push_back(Problem{shard, node, std::move(text)});
}

ShardView* Planning::shard_of(const NodeFacts& node) {
  for (ShardView& shard : shards) {
    if (shard.name == node.shard) return &shard;
  }
  return nullptr;
}

void Planning::collect_shards() {
  for (const DesiredShard& wanted : desired.shards) {
    ShardView& shard = shards.emplace_back();
    shard.name = wanted.name;
    shard.desired = &wanted;
  }
  std::map<std::string, size_t> index;
  for (size_t i = 0; i < shards.size(); ++i) index[shards[i].name] = i;
  for (const NodeFacts& node : observed.nodes) {
    auto [at, added] = index.try_emplace(node.shard, shards.size());
    if (added) shards.emplace_back().name = node.shard;
    ShardView& shard = shards[at->second];
    bool wanted = shard.desired != nullptr &&
                  std::ranges::find(shard.desired->nodes, node.name) != shard.desired->nodes.end();
    (wanted ? shard.nodes : shard.surplus).push_back(&node);
  }
  for (ShardView& shard : shards) {
    std::ranges::sort(shard.nodes, by_ordinal);
    std::ranges::sort(shard.surplus, by_ordinal);
    auto record = observed.shards.find(shard.name);
    if (record != observed.shards.end()) shard.record = record->second;
    find_primary(shard);
  }
}

void Planning::find_primary(ShardView& shard) {
  if (!sharded()) {
    shard.primary = replicated_primary(shard);
    return;
  }
  shard.primary = slot_owner(shard);
  if (shard.primary == nullptr && shard.owner_id.empty()) shard.primary = primary_without_slots(shard);
}

// The node that owns most of the shard's slots; or, when an identity that is no node's owns them, only the
// owner's id.
const NodeFacts* Planning::slot_owner(ShardView& shard) {
  const NodeFacts* best = nullptr;
  int most = 0;
  SlotRanges slots;
  auto consider = [&](const std::string& id, const NodeFacts* facts) {
    const KnownNode* known = knowledge.find(id);
    if (known == nullptr || known->view.slots.empty()) return;
    slots.insert(slots.end(), known->view.slots.begin(), known->view.slots.end());
    if (int owned = count(known->view.slots); owned > most) {
      most = owned;
      best = facts;
      shard.owner_id = id;
    }
  };
  std::set<std::string> lost;  // identities that own slots, are no node's, and are followed from this shard
  for (const NodeFacts* node : shard.all()) {
    consider(effective_id(*node), node);
    const PeerView* self = own_view(*node);
    if (self == nullptr || self->primary) continue;
    const KnownNode* followed = knowledge.find(self->primary_id);
    if (followed != nullptr && followed->facts == nullptr) lost.insert(self->primary_id);
  }
  for (const std::string& id : lost) consider(id, nullptr);
  shard.slots = normalize(std::move(slots));
  return best;
}

const NodeFacts* Planning::primary_without_slots(const ShardView& shard) const {
  const NodeFacts* first = nullptr;
  for (const NodeFacts* node : shard.all()) {
    const PeerView* self = own_view(*node);
    if (self == nullptr || !self->primary) continue;
    for (const NodeFacts* other : shard.all()) {
      const PeerView* follower = own_view(*other);
      if (follower != nullptr && follower->primary_id == self->id) return node;
    }
    if (first == nullptr) first = node;
  }
  if (first != nullptr) return first;
  for (const NodeFacts* node : shard.all()) {
    if (node->name == shard.record.primary) return node;
  }
  return shard.nodes.empty() ? nullptr : shard.nodes.front();
}

const NodeFacts* Planning::replicated_primary(const ShardView& shard) const {
  const NodeFacts* best = nullptr;
  for (const NodeFacts* node : shard.all()) {
    if (!node->answering() || node->server.role != Role::kPrimary) continue;
    if (best == nullptr || node->name == shard.record.primary) best = node;
    bool empties = best->server.keys == 0 && node->server.keys > 0;
    if (best->name != shard.record.primary &&
        (empties || node->server.connected_replicas > best->server.connected_replicas))
      best = node;
  }
  if (best != nullptr) return best;
  for (const NodeFacts* node : shard.all()) {
    if (node->name == shard.record.primary) return node;
  }
  return shard.nodes.empty() ? nullptr : shard.nodes.front();
}

bool Planning::follows(const NodeFacts& replica, const NodeFacts& primary) const {
  if (!replica.answering() || replica.server.role != Role::kReplica) return false;
  if (!sharded()) return replica.server.primary_address == primary.address;
  const PeerView* self = own_view(replica);
  return self != nullptr && self->primary_id == effective_id(primary);
}

bool Planning::in_sync(const NodeFacts& replica, const NodeFacts& primary) const {
  return primary.answering() && follows(replica, primary) && replica.server.link_up &&
         !replica.server.syncing;
}

bool Planning::whole(const ShardView& shard) const {
  if (!shard.primary_answers() || shard.primary->server.role != Role::kPrimary) return false;
  return std::ranges::all_of(shard.nodes, [&](const NodeFacts* node) {
    return node == shard.primary || in_sync(*node, *shard.primary);
  });
}

const ServerConfig& Planning::config_of(const ShardView& shard) const {
  static const ServerConfig none;
  return shard.desired == nullptr ? none : shard.desired->config;
}

bool Planning::may_start(const NodeFacts& node) const {
  if (node.failed_starts == 0) return true;
  int64_t pause_ms = std::min<int64_t>(int64_t{200} << std::min(node.failed_starts, 10), 10'000);
  return now_ms - node.started_ms >= pause_ms || now_ms < node.started_ms;
}

bool down(const NodeFacts& node) {
  return node.process == Process::kStopped || node.process == Process::kNeverStarted;
}

bool is_empty(const NodeFacts& node) { return node.data == DataOnDisk::kNone || node.unloadable; }

bool lost_unasked(const ShardView& shard, const NodeFacts& node) {
  if (!shard.record.held_data || shard.record.loss_accepted || !is_empty(node)) return false;
  return node.unloadable || persists(node.applied_config);
}

void give_up_data(Planning& planning, const ShardView& shard, const NodeFacts& node) {
  if (shard.record.loss_accepted) {
    planning.add(shard.name, SetDataAside{node.name}, "it cannot be loaded, and its loss was accepted");
    return;
  }
  std::string what =
      node.unloadable
          ? fmt::format(
                "{} cannot load its data ({}) and no other copy is left; repair the file with "
                "the server's check program and restart the node",
                node.name, node.note)
          : fmt::format(
                "{} has no data on its disk any more and no other copy is left; put one into its folder, "
                "and it is started",
                node.name);
  planning.problem(shard.name, node.name,
                   fmt::format("{}, or begin empty: keyway recover {} --accept-data-loss", what, shard.name));
}

bool vouched(const Planning& planning, const ShardView& shard, const NodeFacts& node) {
  const std::string& id = effective_id(node);
  for (const NodeFacts& other : planning.observed.nodes) {
    if (!other.answering() || &other == &node) continue;
    if (planning.sharded()) {
      for (const PeerView& peer : other.server.peers) {
        if (peer.id == id && peer.linked && !peer.fail && !peer.pfail && !peer.noaddr) return true;
      }
    }
    bool heard = other.shard == shard.name && planning.follows(other, node) && other.server.link_up &&
                 other.server.last_io_ms >= 0 && other.server.last_io_ms + 2000 < node.silent_ms;
    if (heard) return true;
  }
  return false;
}

bool eligible(const ShardView& shard, const NodeFacts& node) {
  if (!node.answering() || node.server.role != Role::kReplica || node.server.syncing) return false;
  // A replica that never had a copy reports the offset 0 or 1.
  return node.server.keys > 0 || node.server.offset > 1 || !shard.record.held_data;
}

bool kept_up(const Planning& planning, const ShardView& shard, const NodeFacts& replica) {
  constexpr int64_t kSecondMs = 1000;  // servers tell whole seconds
  if (planning.desired.max_lag_ms == 0 || shard.record.loss_accepted || replica.server.link_up) return true;
  if (replica.server.link_down_ms < 0) return false;
  const int64_t gone_ms =
      shard.primary == nullptr ? 0 : std::max(shard.primary->down_ms, shard.primary->silent_ms);
  return replica.server.link_down_ms <= gone_ms + planning.desired.max_lag_ms + kSecondMs;
}

const NodeFacts* freshest_that_kept_up(const Planning& planning, const ShardView& shard,
                                       const std::vector<const NodeFacts*>& copies) {
  const NodeFacts* best = nullptr;
  for (const NodeFacts* copy : copies) {
    if (kept_up(planning, shard, *copy) && (best == nullptr || fresher(shard, *copy, *best))) best = copy;
  }
  if (best == nullptr) return nullptr;
  // How long a link has been down says little of what came over it before: it may have been lost sooner, and
  // with more behind it, than that of a replica that was still busy with its first copy.
  for (const NodeFacts* copy : copies) {
    if (share_history(*copy, *best) && fresher(shard, *copy, *best)) best = copy;
  }
  return best;
}

void ask_about_lag(Planning& planning, const ShardView& shard, const NodeFacts& replica) {
  planning.problem(
      shard.name, replica.name,
      fmt::format("{} has the only copy that is left of {}, and had not kept up with its lost primary; "
                  "put a better one into the primary's folder, or lose what is missing: keyway recover "
                  "{} --accept-data-loss",
                  replica.name, shard.name, shard.name));
}

bool fresher(const ShardView& shard, const NodeFacts& left, const NodeFacts& right) {
  bool left_empty = left.server.keys == 0 && left.server.offset <= 1;
  bool right_empty = right.server.keys == 0 && right.server.offset <= 1;
  if (left_empty != right_empty) return right_empty;
  bool same_history = share_history(left, right);
  // Of unrelated histories one without keys has lost them. Offsets go on growing through promotions, so they
  // tell more than the record does: the last primary may have saved nothing since long before it became one.
  if (!same_history && (left.server.keys == 0) != (right.server.keys == 0)) return right.server.keys == 0;
  if (left.server.offset != right.server.offset) return left.server.offset > right.server.offset;
  if ((left.name == shard.record.primary) != (right.name == shard.record.primary))
    return left.name == shard.record.primary;
  if (left.server.keys != right.server.keys) return left.server.keys > right.server.keys;
  return by_ordinal(&left, &right);
}

}  // namespace keyway::cluster
