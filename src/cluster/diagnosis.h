// What is wrong with a cluster, in order of danger, and how it would be mended. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/observed.h"

namespace keyway::cluster {

// The most dangerous first.
enum class Trouble {
  kTwoOwners,        // two primaries say that they own the slot
  kStrayKeys,        // keys of the slot are on a node that does not own it: clients cannot see them
  kUncovered,        // nobody owns the slot, or only a node that is gone
  kOpenSlot,         // importing or migrating
  kDisagreement,     // nodes differ in who owns the slot
  kEqualEpochs,      // two primaries have the same config epoch
  kUnreachable,      // a node does not answer
  kReplicaOfNobody,  // follows no primary of the cluster, or another replica
  kLinkDown,         // a replica is not in sync with its primary
  kHalfForgotten,    // some nodes know it and others do not, or only by an address that is no more
  kNeverMet,         // two nodes that answer do not know each other
  kStaleAddress,     // a node knows another by an address that it does not have any more
};

std::string_view to_string(Trouble trouble);  // "two_owners"

struct Finding {
  Trouble trouble = Trouble::kUnreachable;
  std::string text;              // what is wrong, for a person
  std::string remedy;            // what mending does; empty: only a person can help, and `text` says how
  SlotRanges slots;              // that it is about
  std::vector<std::string> ids;  // nodes that it is about
};

// How many keys of a slot each node holds, as far as was looked: slot, node id, count. Owners need not be in
// it.
using KeyCounts = std::map<Slot, std::map<std::string, int64_t>>;

// Sorted by danger; empty: nothing is wrong.
std::vector<Finding> diagnose(const Observed& observed, const KeyCounts& keys);

// The slots of which it matters who holds keys: those that the servers' own words show not to be in order.
SlotSet slots_in_question(const Observed& observed);

// Whether such a finding may be mere news on its way between the servers, which a later look does not show.
bool may_settle(Trouble trouble);

}  // namespace keyway::cluster
