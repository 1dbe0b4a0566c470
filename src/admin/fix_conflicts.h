// Keys that two servers hold with different values: whose stays is for a person to say. Main thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "admin/fix_context.h"

namespace keyway::admin {

// A pair of servers that hold keys of the same slots. Both answer; `stray` imports the slots from `owner`, or
// is no further than on its way to.
struct TwoHolders {
  const cluster::NodeFacts* owner = nullptr;
  const cluster::NodeFacts* stray = nullptr;
};

struct Settled {
  std::set<std::string> undecided;      // they stay on both; warnings told of them
  std::vector<std::string> stray_wins;  // still on both; the caller brings the stray value through
};

// Settles keys that both hold: a copy that is equal, or whose value loses by `prefer` or a person's word, is
// dropped from `stray`.
Result<Settled> settle_copies(const FixContext& context, const TwoHolders& holders,
                              const std::vector<std::string>& keys);

// Deletes keys from a server that owns or imports their slot.
Status drop_keys(const FixContext& context, const cluster::NodeFacts& node,
                 const std::vector<std::string>& keys);

}  // namespace keyway::admin
