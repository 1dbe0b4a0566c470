#include "cluster/slot_remedy.h"

#include <algorithm>
#include <set>

namespace keyway::cluster {

namespace {

// Answering primaries, without the owner, that hold keys of the slot.
std::vector<std::string> holders_of(const Scene& scene, const SlotState& state) {
  std::vector<std::string> holders;
  for (const auto& [id, count] : state.keys) {
    if (count > 0 && id != state.owner && scene.primary(id) != nullptr) holders.push_back(id);
  }
  return holders;
}

// Who shall take a slot without an owner: who holds most of its keys, else who claims it.
SlotRemedy assign(const Scene& scene, const SlotState& state, bool loses_keys) {
  SlotRemedy remedy{.step = SlotStep::kAssign, .node = {}, .other = state.owner, .loses_keys = loses_keys};
  int64_t most = 0;
  for (const std::string& id : holders_of(scene, state)) {
    if (state.keys_on(id) <= most) continue;
    most = state.keys_on(id);
    remedy.node = id;
  }
  if (remedy.node.empty() && !state.claimants.empty()) remedy.node = state.claimants.front();
  // It takes a new epoch with the slot, and would win what it claims wrongly with it: the owners would give
  // way and delete their keys.
  return scene.claims_wrongly(remedy.node) ? SlotRemedy{} : remedy;
}

// The replica that can stand in for a node that is lost; empty: none.
std::string successor_of(const Scene& scene, const std::string& id) {
  std::vector<const NodeFacts*> replicas = scene.replicas_of(id);
  return !replicas.empty() && holds_copy(*replicas.front()) ? effective_id(*replicas.front()) : std::string();
}

SlotRemedy without_owner(const Scene& scene, const SlotState& state, bool give_away) {
  if (state.owner.empty()) return assign(scene, state, false);
  if (!scene.lost(state.owner)) return {};  // it loads its data, or only we cannot reach it
  if (std::string successor = successor_of(scene, state.owner); !successor.empty()) {
    return {.step = SlotStep::kTakeOver, .node = successor, .other = state.owner};
  }
  return give_away ? assign(scene, state, true) : SlotRemedy{};
}

// Whom the owner's flag names; empty: it has none.
std::string named_target(const SlotState& state) {
  for (const SlotFlag& flag : state.flags) {
    if (flag.node == state.owner && !flag.importing) return flag.peer;
  }
  return {};
}

// Where the slot was on its way to, if it is worthwhile to bring it there; empty: it stays with its owner.
// After a failover on Redis flags are missing: the target is then known by the keys that it holds.
std::string target_of(const Scene& scene, const SlotState& state) {
  std::set<std::string> candidates;
  for (const SlotFlag& flag : state.flags) {
    if (flag.node != state.owner && flag.importing) candidates.insert(flag.node);
  }
  bool imported = !candidates.empty();
  std::vector<std::string> holders = holders_of(scene, state);
  candidates.insert(holders.begin(), holders.end());
  if (candidates.size() != 1) return {};
  const std::string& target = *candidates.begin();
  std::string named = named_target(state);
  if (named.empty()) {
    // Keys beyond a closed slot are strays. With a flag on one side the slot goes where fewer keys move.
    bool forward =
        imported && state.keys_on(target) > 0 && state.keys_on(target) >= state.keys_on(state.owner);
    return forward ? target : std::string();
  }
  bool replaced = scene.primary(named) == nullptr || scene.stands_for(named, target);
  return replaced ? target : std::string();
}

// Whether both sides have their flag for the move, so that clients were sent to the right one all the while.
bool flags_complete(const Scene& scene, const SlotState& state, const std::string& target) {
  bool importing = false;
  for (const SlotFlag& flag : state.flags) {
    if (flag.node == target && flag.importing) importing = scene.stands_for(flag.peer, state.owner);
  }
  return importing && named_target(state) == target;
}

// A slot with flags, of which nobody but the owner is seen to hold keys.
SlotRemedy close(const Scene& scene, const SlotState& state) {
  SlotRemedy remedy{.step = SlotStep::kClose, .node = state.owner};
  std::string named = named_target(state);
  if (named.empty() || !scene.lost(named)) return remedy;
  // The target may have had keys of it.
  if (std::string successor = successor_of(scene, named); !successor.empty()) {
    return {.step = SlotStep::kTakeOver, .node = successor, .other = named};
  }
  remedy.other = named;
  remedy.loses_keys = true;
  return remedy;
}

}  // namespace

SlotRemedy remedy_for(const Scene& scene, const SlotState& state, bool give_away) {
  if (scene.primary(state.owner) == nullptr) return without_owner(scene, state, give_away);
  if (!state.claimants.empty()) {
    return {.step = SlotStep::kRelease, .node = state.claimants.front(), .other = state.owner};
  }
  // Who does not know the other one is introduced to it first.
  auto acquainted = [&](const std::string& a, const std::string& b) {
    return scene.knows_primary(a, b) && scene.knows_primary(b, a);
  };
  if (std::string target = target_of(scene, state); !target.empty()) {
    if (!acquainted(state.owner, target)) return {};
    bool careful = !flags_complete(scene, state, target);
    return {.step = SlotStep::kFinish, .node = state.owner, .other = target, .careful = careful};
  }
  if (std::vector<std::string> holders = holders_of(scene, state); !holders.empty()) {
    if (!acquainted(state.owner, holders.front())) return {};
    return {.step = SlotStep::kGather, .node = holders.front(), .other = state.owner};
  }
  return state.flags.empty() ? SlotRemedy{} : close(scene, state);
}

}  // namespace keyway::cluster
