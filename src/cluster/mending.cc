#include "cluster/mending.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/diagnosing.h"
#include "cluster/node_troubles.h"
#include "cluster/slot_remedy.h"

namespace keyway::cluster {

namespace {

using Mends = std::vector<Mend>;

Mend mend_for(const Scene& scene, const SlotRemedy& remedy, SlotRanges slots) {
  Mend mend{.node = remedy.node, .other = remedy.other, .slots = std::move(slots), .careful = remedy.careful};
  std::string names = name_slots(mend.slots);
  switch (remedy.step) {
    case SlotStep::kRelease:
      mend.trouble = Trouble::kTwoOwners;
      mend.kind = MendKind::kRelease;
      break;
    case SlotStep::kGather:
      mend.trouble = Trouble::kStrayKeys;
      mend.kind = MendKind::kGather;
      break;
    case SlotStep::kTakeOver:
      mend.trouble = Trouble::kUncovered;
      mend.kind = MendKind::kTakeOver;
      mend.slots.clear();
      break;
    case SlotStep::kAssign:
      mend.trouble = Trouble::kUncovered;
      mend.kind = MendKind::kAssign;
      if (!remedy.loses_keys) break;
      mend.question = fmt::format(
          "{} had {} and is gone, and no replica with its data answers. Give them to {}? "
          "The keys that only it has are lost",
          scene.label(remedy.other), names, scene.label(remedy.node));
      break;
    case SlotStep::kFinish:
      mend.trouble = Trouble::kOpenSlot;
      mend.kind = MendKind::kFinish;
      break;
    case SlotStep::kClose:
    case SlotStep::kNone:
      mend.trouble = Trouble::kOpenSlot;
      mend.kind = MendKind::kClose;
      if (!remedy.loses_keys) break;
      mend.question = fmt::format(
          "{} on the way to {}, which is gone. Leave {} with {}? Keys that have been moved "
          "come back only if it does",
          names + (count(mend.slots) == 1 ? " was" : " were"), scene.label(remedy.other),
          count(mend.slots) == 1 ? "it" : "them", scene.label(remedy.node));
      break;
  }
  return mend;
}

// Shares slots that anybody may take out among the primaries: in order, to the one with the fewest slots
// until it has its even share, so that ranges stay together.
std::map<std::string, SlotSet> share_out(const Scene& scene, const SlotSet& slots) {
  std::map<std::string, int> held;
  for (const NodeFacts& node : scene.observed().nodes) {
    const std::string& id = effective_id(node);
    if (scene.primary(id) == nullptr || scene.claims_wrongly(id)) continue;
    held[id] = count(scene.known().find(id)->view.slots);
  }
  std::map<std::string, SlotSet> shares;
  if (held.empty()) return shares;
  int even = (kSlotCount + static_cast<int>(held.size()) - 1) / static_cast<int>(held.size());
  std::string taker;
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    if (!slots[slot]) continue;
    if (taker.empty() || held[taker] >= even) {
      taker = std::min_element(held.begin(), held.end(), [](const auto& a, const auto& b) {
                return a.second < b.second;
              })->first;
    }
    shares[taker].set(slot);
    ++held[taker];
  }
  return shares;
}

void plan_slots(const Scene& scene, bool give_away, Mends& mends) {
  std::map<SlotRemedy, SlotSet> alike;
  for (const auto& [slot, state] : scene.states()) {
    SlotRemedy remedy = remedy_for(scene, state, give_away);
    if (remedy.step != SlotStep::kNone) alike[remedy].set(slot);
  }
  for (const auto& [remedy, slots] : alike) {
    if (remedy.step != SlotStep::kAssign || !remedy.node.empty()) {
      mends.push_back(mend_for(scene, remedy, to_ranges(slots)));
      continue;
    }
    for (const auto& [id, share] : share_out(scene, slots)) {
      SlotRemedy theirs = remedy;
      theirs.node = id;
      mends.push_back(mend_for(scene, theirs, to_ranges(share)));
    }
  }
}

// What the viewer takes for the epoch of a node; 0: it does not know it.
uint64_t epoch_seen(const Scene& scene, const std::string& viewer, const std::string& id) {
  const NodeFacts* facts = scene.answering(viewer);
  if (facts == nullptr) return 0;
  for (const PeerView& peer : facts->server.peers) {
    if (peer.id == id) return peer.config_epoch;
  }
  return 0;
}

// A primary takes the owner of a slot from a command. A replica only hears of it, and believes the higher
// epoch.
void plan_beliefs(const Scene& scene, Mends& mends) {
  for (const WrongBelief& belief : wrong_beliefs(scene)) {
    Mend mend{.trouble = Trouble::kDisagreement, .slots = belief.slots};
    if (scene.primary(belief.viewer) != nullptr) {
      mend.kind = MendKind::kTell;
      mend.node = belief.viewer;
      mend.other = belief.owner;
    } else if (epoch_seen(scene, belief.viewer, belief.believed) <
               scene.primary(belief.owner)->config_epoch) {
      mend.kind = MendKind::kAnnounce;
      mend.node = belief.owner;
      mend.other = belief.viewer;
    } else if (!scene.claims_wrongly(belief.owner)) {
      mend.kind = MendKind::kRaiseEpoch;
      mend.node = belief.owner;
    } else {
      continue;
    }
    mends.push_back(std::move(mend));
  }
}

void plan_roles(const Scene& scene, Mends& mends) {
  std::set<std::string> raised;
  for (const DeafViewer& deaf : deaf_viewers(scene)) {
    if (scene.claims_wrongly(deaf.primary) || !raised.insert(deaf.primary).second) continue;
    mends.push_back({.trouble = Trouble::kDisagreement, .kind = MendKind::kRaiseEpoch, .node = deaf.primary});
  }
}

void plan_epochs(const Scene& scene, Mends& mends) {
  for (const std::vector<std::string>& ids : colliding_epochs(scene)) {
    for (size_t i = 1; i < ids.size(); ++i) {
      if (scene.claims_wrongly(ids[i])) continue;
      mends.push_back(
          {.trouble = Trouble::kEqualEpochs, .kind = MendKind::kRaiseEpoch, .node = ids[i], .other = ids[0]});
    }
  }
}

void plan_orphans(const Scene& scene, bool give_away, Mends& mends) {
  for (const Orphan& orphan : orphans(scene)) {
    if (orphan.primary.empty() || (orphan.keys > 0 && !give_away)) continue;
    Mend mend{.trouble = Trouble::kReplicaOfNobody,
              .kind = MendKind::kFollow,
              .node = orphan.id,
              .other = orphan.primary};
    if (orphan.keys > 0) {
      mend.question = fmt::format(
          "{} is a replica of {}, which is gone, and holds {}, which may be nowhere else. "
          "Make it a replica of {}? They are lost then",
          scene.label(orphan.id), scene.label(orphan.followed), count_of(orphan.keys, "key"),
          scene.label(orphan.primary));
    }
    mends.push_back(std::move(mend));
  }
}

void introduce(Trouble trouble, const std::string& id, const std::vector<std::string>& others, Mends& mends,
               const std::string& question = {}) {
  for (const std::string& other : others) {
    mends.push_back(
        {.trouble = trouble, .kind = MendKind::kMeet, .node = other, .other = id, .question = question});
  }
}

void plan_acquaintances(const Scene& scene, Mends& mends) {
  for (const HalfKnown& who : half_known(scene)) {
    introduce(Trouble::kNeverMet, who.id, who.never_met, mends);
    if (who.forgotten_by.empty()) continue;
    if (scene.answering(who.id) != nullptr) {
      std::string question;
      if (who.known_by.empty()) {
        question = fmt::format(
            "{} knows the cluster, but no node of the cluster knows it. Introduce it again? (If "
            "it was removed, CLUSTER RESET on it makes it leave)",
            scene.label(who.id));
      }
      introduce(Trouble::kHalfForgotten, who.id, who.forgotten_by, mends, question);
    } else if (who.removable) {
      mends.push_back({.trouble = Trouble::kHalfForgotten,
                       .kind = MendKind::kForget,
                       .node = who.id,
                       .question = fmt::format("{} ({}) does not answer, owns nothing, and some nodes have "
                                               "forgotten it. Shall all forget it?",
                                               scene.label(who.id), who.id)});
    }
  }
  for (const StaleAddress& stale : stale_addresses(scene)) {
    introduce(Trouble::kStaleAddress, stale.id, {stale.viewer}, mends);
  }
}

}  // namespace

std::vector<Mend> plan_mending(const Observed& observed, const KeyCounts& keys, bool give_away) {
  Scene scene(observed, keys);
  Mends mends;
  plan_slots(scene, give_away, mends);
  plan_beliefs(scene, mends);
  plan_roles(scene, mends);
  plan_epochs(scene, mends);
  plan_orphans(scene, give_away, mends);
  plan_acquaintances(scene, mends);
  std::stable_sort(mends.begin(), mends.end(),
                   [](const Mend& a, const Mend& b) { return a.trouble < b.trouble; });
  return mends;
}

}  // namespace keyway::cluster
