#include "cluster/diagnosis.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/diagnosing.h"
#include "cluster/node_troubles.h"

namespace keyway::cluster {

namespace {

constexpr size_t kNamedNodes = 4;

constexpr std::array<std::string_view, 12> kNames = {
    "two_owners",  "stray_keys",        "uncovered", "open_slot",      "disagreement", "equal_epochs",
    "unreachable", "replica_of_nobody", "link_down", "half_forgotten", "never_met",    "stale_address"};

}  // namespace

std::string_view to_string(Trouble trouble) { return kNames.at(static_cast<size_t>(trouble)); }

std::string name_slots(const SlotRanges& slots) {
  return fmt::format("{} {}", count(slots) == 1 ? "slot" : "slots", to_string(slots));
}

std::string name_nodes(const Scene& scene, const std::vector<std::string>& ids) {
  std::vector<std::string> labels;
  for (size_t i = 0; i < std::min(ids.size(), kNamedNodes); ++i) labels.push_back(scene.label(ids[i]));
  if (ids.size() > kNamedNodes) {
    return fmt::format("{} and {} more", join(labels, ", "), ids.size() - kNamedNodes);
  }
  if (labels.size() < 2) return join(labels, ", ");
  std::string last = labels.back();
  labels.pop_back();
  return fmt::format("{} and {}", join(labels, ", "), last);
}

std::vector<Finding> diagnose(const Observed& observed, const KeyCounts& keys) {
  Scene scene(observed, keys);
  Findings findings;
  find_slot_troubles(scene, findings);
  find_node_troubles(scene, findings);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.trouble < b.trouble; });
  return findings;
}

SlotSet slots_in_question(const Observed& observed) {
  Scene scene(observed, {});
  SlotSet slots;
  for (const auto& [slot, state] : scene.states()) slots.set(slot);
  for (const WrongBelief& belief : wrong_beliefs(scene)) slots |= to_set(belief.slots);
  return slots;
}

bool may_settle(Trouble trouble) {
  switch (trouble) {
    case Trouble::kTwoOwners:
    case Trouble::kDisagreement:
    case Trouble::kEqualEpochs:
    case Trouble::kReplicaOfNobody:
    case Trouble::kHalfForgotten:
    case Trouble::kNeverMet:
    case Trouble::kStaleAddress:
      return true;
    case Trouble::kStrayKeys:
    case Trouble::kUncovered:
    case Trouble::kOpenSlot:
    case Trouble::kUnreachable:
    case Trouble::kLinkDown:
      return false;
  }
  return false;
}

}  // namespace keyway::cluster
