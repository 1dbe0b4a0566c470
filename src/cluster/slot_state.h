// What the servers say of each slot that is not in order, in one place: who owns it by their joint knowledge,
// who else claims it, on whom it is open, who holds keys of it. Read by the diagnosis and the mending. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cluster/diagnosis.h"
#include "cluster/ownership.h"

namespace keyway::cluster {

struct SlotFlag {
  std::string node;  // that has the flag
  std::string peer;  // that the flag names
  bool importing = false;
  auto operator<=>(const SlotFlag&) const = default;
};

struct SlotState {
  Slot slot = 0;
  std::string owner;                    // empty: nobody
  std::vector<std::string> claimants;   // primaries beside the owner that say it is theirs
  std::vector<SlotFlag> flags;          // on primaries
  std::map<std::string, int64_t> keys;  // by node, as far as was looked

  int64_t keys_on(const std::string& id) const {
    auto found = keys.find(id);
    return found == keys.end() ? 0 : found->second;
  }
};

// A cluster in bad shape, with what is asked of it again and again. Keeps references to `observed` and
// `keys`.
class Scene {
 public:
  Scene(const Observed& observed, const KeyCounts& keys);

  const Observed& observed() const { return observed_; }
  const Knowledge& known() const { return known_; }
  // Slots that nobody owns or only a node that is lost, that are claimed twice, open, or of which a node
  // holds keys that does not own them. In order.
  const std::map<Slot, SlotState>& states() const { return states_; }

  // The node's facts if it answers; else null.
  const NodeFacts* answering(const std::string& id) const;
  // That answers and is a primary by its own word; else null.
  const PeerView* primary(const std::string& id) const;
  // Does not answer, and no server has a link to it. A node that only we cannot reach is not lost.
  bool lost(const std::string& id) const;
  // Claims slots that another primary owns, which answers.
  bool claims_wrongly(const std::string& id) const { return wrong_claimants_.contains(id); }
  // Whether `viewer` has `id` in its table as a primary: else it cannot be told of slots of it.
  bool knows_primary(const std::string& viewer, const std::string& id) const;
  // "127.0.0.1:7001", or the id where no address is known.
  std::string label(const std::string& id) const;
  // Answering replicas that follow the node by their own word, the freshest first.
  std::vector<const NodeFacts*> replicas_of(const std::string& id) const;
  // Whether `id` is `primary` or was replaced by it: its replica, or of the same shard.
  bool stands_for(const std::string& id, const std::string& primary) const;

 private:
  SlotState& state(Slot slot);
  void add_claims();
  void add_flags();
  void add_keys(const KeyCounts& keys);

  const Observed& observed_;
  Knowledge known_;
  std::map<Slot, SlotState> states_;
  std::set<std::string> wrong_claimants_;
};

// Whether an answering replica holds a copy of its primary's data that can be used, as far as can be told: it
// is not in the middle of a full copy, and has been in the stream or has at least loaded something.
bool holds_copy(const NodeFacts& replica);

}  // namespace keyway::cluster
