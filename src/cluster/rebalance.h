// Which slots move between which primaries so that each has the share that it shall have. Pure. The engine
// under `balance` (spec'd clusters) and under the commands reshard and rebalance (any cluster).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cluster/balance.h"
#include "cluster/slots.h"

namespace keyway::cluster {

// What a slot counts for: its keys' memory, its traffic; 1 each if only slots count.
using SlotLoads = std::vector<double>;  // kSlotCount of them, or empty

struct SlotHolder {
  std::string id;
  SlotRanges slots;
  double weight = 1;  // its share is weight / sum of weights; 0: shall hold none
};

struct RebalanceOptions {
  // Nothing moves while every holder is within so many percent of its share. A holder whose share is zero
  // counts only as balanced when it is empty.
  double threshold_percent = 0;
  SlotLoads loads = {};
};

// The fewest slots (with loads: the least load) that bring each holder to its share, which differs by at most
// one slot from the exact one; odd slots stay where they are. Among plans that move as few, one that leaves
// few ranges. kInvalidArgument if no weight is above zero.
Result<std::vector<SlotMove>> rebalance(const std::vector<SlotHolder>& holders,
                                        const RebalanceOptions& options);

// Exactly `count` slots from `from` to `to`, from each in proportion to what it holds (largest remainders get
// the odd ones), whole ranges and ends of ranges first, such as lengthen a range that `to` has.
// kInvalidArgument if they hold fewer.
Result<std::vector<SlotMove>> take_slots(const std::vector<SlotHolder>& from, const SlotHolder& to,
                                         int count);

// How many ranges the holders would have after the moves.
int ranges_after(const std::vector<SlotHolder>& holders, const std::vector<SlotMove>& moves);

}  // namespace keyway::cluster
