#include "cluster/balance.h"

#include <algorithm>
#include <cassert>

#include "cluster/rebalance.h"

namespace keyway::cluster {

namespace {

std::vector<SlotMove> to_explicit(const std::vector<ShardSlots>& shards) {
  std::vector<SlotMove> moves;
  for (const ShardSlots& to : shards) {
    SlotSet wanted = to.leaving || !to.explicit_slots ? SlotSet{} : to_set(*to.explicit_slots);
    for (const ShardSlots& from : shards) {
      SlotSet moving = to_set(from.slots) & wanted;
      if (&from != &to && moving.any()) moves.push_back({from.shard, to.shard, to_ranges(moving)});
    }
  }
  return moves;
}

}  // namespace

std::vector<SlotMove> balance(const std::vector<ShardSlots>& shards) {
  if (std::ranges::any_of(shards, [](const ShardSlots& shard) { return shard.explicit_slots.has_value(); }))
    return to_explicit(shards);
  if (std::ranges::all_of(shards, [](const ShardSlots& shard) { return shard.leaving; })) return {};
  std::vector<SlotHolder> holders;
  for (const ShardSlots& shard : shards)
    holders.push_back({.id = shard.shard, .slots = shard.slots, .weight = shard.leaving ? 0.0 : 1.0});
  auto moves = rebalance(holders, {});
  assert(moves);  // it fails only where two hold the same slot
  return moves ? *std::move(moves) : std::vector<SlotMove>{};
}

}  // namespace keyway::cluster
