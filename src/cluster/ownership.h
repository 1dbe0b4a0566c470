// What all answering servers of a sharded cluster know together: every node id, its role, its slots. A
// server's word about itself outweighs the others' word about it; for slots the highest config epoch wins, as
// among the servers themselves. Pure.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "cluster/observed.h"

namespace keyway::cluster {

struct KnownNode {
  PeerView view;                     // `slots` are those that it owns by the joint knowledge
  const NodeFacts* facts = nullptr;  // the node on record with this id; null: a stranger or a lost identity
  bool own_word = false;             // the view is the server's own
  bool suspected = false;            // some answering server flags it fail, fail? or noaddr
  bool linked = false;               // some answering server has a live link to it (or it answered us)
};

class Knowledge {
 public:
  explicit Knowledge(const Observed& observed);

  // Whether any server answered: without one nothing is known.
  bool any() const { return any_; }
  const std::map<std::string, KnownNode>& nodes() const { return nodes_; }
  const KnownNode* find(const std::string& id) const;
  // The id that owns `slot`; empty: nobody.
  const std::string& owner(Slot slot) const;
  SlotRanges unowned() const;
  uint64_t current_epoch() const { return current_epoch_; }

 private:
  void merge(const NodeFacts& viewer, const PeerView& view);
  void assign_slots();

  std::map<std::string, KnownNode> nodes_;
  std::array<const std::string*, kSlotCount> owner_{};
  uint64_t current_epoch_ = 0;
  bool any_ = false;
};

// The id by which servers know the node: what its server says while it answers, else what is on record.
const std::string& effective_id(const NodeFacts& node);

// The server's own line of its table; null if it did not answer.
const PeerView* own_view(const NodeFacts& node);

// Slots that some server takes for those of `id` though they are another's: it has not heard of a move yet.
// As long as there are any, `id` must not raise its config epoch, which taking slots does. Servers that hear
// of the new epoch before they hear of the other's slots hold its claims for outdated ones, tell it so, and
// it gives the slots up with all their keys.
SlotSet mistaken_for(const Observed& observed, const Knowledge& knowledge, const std::string& id);

}  // namespace keyway::cluster
