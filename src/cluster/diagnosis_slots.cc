// Troubles of slots: findings are of ranges of slots that are alike.
#include <functional>
#include <tuple>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/diagnosing.h"
#include "cluster/slot_remedy.h"

namespace keyway::cluster {

namespace {

// What two slots have in common if one finding can be about both.
struct Alike {
  std::string owner;
  std::vector<std::string> others;
  std::vector<SlotFlag> flags;
  SlotRemedy remedy;
  auto operator<=>(const Alike&) const = default;
};

struct Group {
  SlotSet slots;
  int64_t keys = 0;
};

using Groups = std::map<Alike, Group>;

// How mending deals with it, for a person; empty: not without consent.
std::string describe(const Scene& scene, const SlotRemedy& remedy) {
  std::string node = scene.label(remedy.node);
  std::string other = scene.label(remedy.other);
  switch (remedy.step) {
    case SlotStep::kNone:
      return {};
    case SlotStep::kTakeOver:
      return fmt::format("its replica {} takes over from {}", node, other);
    case SlotStep::kAssign:
      if (remedy.node.empty())
        return "the primaries with the fewest slots take them; nobody holds keys of them";
      return fmt::format("{} takes them: it holds keys of them or claims them", node);
    case SlotStep::kRelease:
      return fmt::format("{} keeps them, its epoch is the highest; what {} holds of them moves there", other,
                         node);
    case SlotStep::kFinish:
      return fmt::format("the move from {} to {} is finished from where it stands{}", node, other,
                         remedy.careful ? "; keys that both have are compared" : "");
    case SlotStep::kGather:
      return fmt::format("keys move from {} to {}; those that both have are compared", node, other);
    case SlotStep::kClose:
      if (remedy.loses_keys) {
        return fmt::format("{} closes them; keys that {} may have got of them come back only with it", node,
                           other);
      }
      return fmt::format("{} keeps them, and nobody has them open any more", node);
  }
  return {};
}

bool is_open_between(const Scene& scene, const SlotState& state, const std::string& holder) {
  for (const SlotFlag& flag : state.flags) {
    if (flag.node == state.owner && !flag.importing && scene.stands_for(flag.peer, holder)) return true;
  }
  return false;
}

// Those who hold keys which clients cannot see. While a slot is on its way, keys are on both sides; clients
// are sent from the owner to the other one.
std::vector<std::string> stray_holders(const Scene& scene, const SlotState& state) {
  std::vector<std::string> holders;
  if (state.owner.empty()) return holders;
  for (const auto& [id, count] : state.keys) {
    if (count > 0 && id != state.owner && !is_open_between(scene, state, id)) holders.push_back(id);
  }
  return holders;
}

void group(Groups& groups, Alike alike, const SlotState& state) {
  int64_t keys = 0;
  for (const std::string& id : alike.others) keys += state.keys_on(id);
  Group& group = groups[std::move(alike)];
  group.slots.set(state.slot);
  group.keys += keys;
}

std::string with_epoch(const Scene& scene, const std::string& id) {
  const KnownNode* node = scene.known().find(id);
  return fmt::format("{} (epoch {})", scene.label(id), node == nullptr ? 0 : node->view.config_epoch);
}

void tell_two_owners(const Scene& scene, const Groups& groups, Findings& findings) {
  for (const auto& [alike, group] : groups) {
    Finding& finding = findings.emplace_back();
    finding.trouble = Trouble::kTwoOwners;
    finding.slots = to_ranges(group.slots);
    finding.ids = {alike.owner};
    std::vector<std::string> claims = {with_epoch(scene, alike.owner)};
    for (const std::string& id : alike.others) {
      finding.ids.push_back(id);
      claims.push_back(with_epoch(scene, id));
    }
    finding.text = fmt::format("{} claim {} each", join(claims, " and "), name_slots(finding.slots));
    finding.remedy = describe(scene, alike.remedy);
    if (finding.remedy.empty()) finding.text += fmt::format("; {} does not answer", scene.label(alike.owner));
  }
}

void tell_strays(const Scene& scene, const Groups& groups, Findings& findings) {
  for (const auto& [alike, group] : groups) {
    Finding& finding = findings.emplace_back();
    finding.trouble = Trouble::kStrayKeys;
    finding.slots = to_ranges(group.slots);
    finding.ids = alike.others;
    finding.ids.push_back(alike.owner);
    finding.text = fmt::format("{} of {} on {}, where no client finds them: the owner is {}",
                               count_of(group.keys, "key"), name_slots(finding.slots),
                               name_nodes(scene, alike.others), scene.label(alike.owner));
    finding.remedy = describe(scene, alike.remedy);
  }
}

void tell_uncovered(const Scene& scene, const Groups& groups, Findings& findings) {
  for (const auto& [alike, group] : groups) {
    Finding& finding = findings.emplace_back();
    finding.trouble = Trouble::kUncovered;
    finding.slots = to_ranges(group.slots);
    finding.remedy = describe(scene, alike.remedy);
    if (alike.owner.empty()) {
      finding.text = fmt::format("{} {} owned by nobody", name_slots(finding.slots),
                                 count(finding.slots) == 1 ? "is" : "are");
      continue;
    }
    finding.ids = {alike.owner};
    finding.text =
        fmt::format("the owner of {}, {}, is gone", name_slots(finding.slots), scene.label(alike.owner));
    if (finding.remedy.empty()) {
      finding.text +=
          ", and no replica with its data answers; start either again, or have fix give the slots to others "
          "(--give-up-unreachable): their keys are lost then";
    }
  }
}

std::string describe(const Scene& scene, const std::vector<SlotFlag>& flags) {
  std::vector<std::string> parts;
  for (const SlotFlag& flag : flags) {
    parts.push_back(fmt::format("{} is {} {}", scene.label(flag.node),
                                flag.importing ? "importing from" : "migrating to", scene.label(flag.peer)));
  }
  return join(parts, ", ");
}

void tell_open(const Scene& scene, const Groups& groups, Findings& findings) {
  for (const auto& [alike, group] : groups) {
    Finding& finding = findings.emplace_back();
    finding.trouble = Trouble::kOpenSlot;
    finding.slots = to_ranges(group.slots);
    for (const SlotFlag& flag : alike.flags) finding.ids.push_back(flag.node);
    finding.text = fmt::format("{} {} open: {}", name_slots(finding.slots),
                               count(finding.slots) == 1 ? "is" : "are", describe(scene, alike.flags));
    if (!alike.others.empty()) {
      finding.text += fmt::format("; {} of {} on {} already", count_of(group.keys, "key"),
                                  count(finding.slots) == 1 ? "it" : "them", name_nodes(scene, alike.others));
    }
    finding.remedy = describe(scene, alike.remedy);
  }
}

}  // namespace

void find_slot_troubles(const Scene& scene, Findings& findings) {
  Groups two_owners;
  Groups strays;
  Groups uncovered;
  Groups open;
  for (const auto& [slot, state] : scene.states()) {
    SlotRemedy remedy = remedy_for(scene, state, false);
    if (!state.claimants.empty()) group(two_owners, {state.owner, state.claimants, {}, remedy}, state);
    if (state.owner.empty() || scene.lost(state.owner))
      group(uncovered, {state.owner, {}, {}, remedy}, state);
    std::vector<std::string> lying_astray = stray_holders(scene, state);
    if (!lying_astray.empty()) group(strays, {state.owner, lying_astray, {}, remedy}, state);
    if (state.flags.empty()) continue;
    std::vector<std::string> holders;
    for (const auto& [id, count] : state.keys) {
      if (id != state.owner) holders.push_back(id);
    }
    group(open, {state.owner, holders, state.flags, remedy}, state);
  }
  tell_two_owners(scene, two_owners, findings);
  tell_strays(scene, strays, findings);
  tell_uncovered(scene, uncovered, findings);
  tell_open(scene, open, findings);
}

}  // namespace keyway::cluster
