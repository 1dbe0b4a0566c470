// Which slots move where, so that each shard has its share with the fewest moves and few ranges. Pure.
#pragma once

#include <string>
#include <vector>

#include "cluster/slots.h"

namespace keyway::cluster {

struct ShardSlots {
  std::string shard;
  SlotRanges slots;                          // that it owns now
  std::optional<SlotRanges> explicit_slots;  // that it shall own, if a person said so
  bool leaving = false;                      // shall own none
};

struct SlotMove {
  std::string from;  // shard
  std::string to;
  SlotRanges slots;
};

// Even shares differ by at most one slot; a shard keeps what it has where it can. No moves if nothing would
// improve. Slots that nobody owns are not its concern. The order of `shards` is partition order.
std::vector<SlotMove> balance(const std::vector<ShardSlots>& shards);

}  // namespace keyway::cluster
