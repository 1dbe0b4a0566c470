#include "cluster/balance.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

namespace keyway::cluster {
namespace {

std::vector<ShardSlots> even(int shard_count) {
  std::vector<ShardSlots> shards;
  for (int i = 0; i < shard_count; ++i)
    shards.push_back({"p" + std::to_string(i + 1), {even_range(i, shard_count)}, std::nullopt, false});
  return shards;
}

void carry_out(std::vector<ShardSlots>& shards, const std::vector<SlotMove>& moves) {
  std::map<std::string, SlotSet> sets;
  for (const ShardSlots& shard : shards) sets[shard.shard] = to_set(shard.slots);
  for (const SlotMove& move : moves) {
    SlotSet moving = to_set(move.slots);
    ASSERT_TRUE((sets[move.from] & moving) == moving) << move.from << " does not own what it gives";
    sets[move.from] &= ~moving;
    ASSERT_TRUE((sets[move.to] & moving).none());
    sets[move.to] |= moving;
  }
  for (ShardSlots& shard : shards) shard.slots = to_ranges(sets[shard.shard]);
}

int moved(const std::vector<SlotMove>& moves) {
  int total = 0;
  for (const SlotMove& move : moves) total += count(move.slots);
  return total;
}

TEST(Balance, LeavesAnEvenClusterAlone) {
  for (int shards : {1, 2, 3, 7, 100}) EXPECT_TRUE(balance(even(shards)).empty()) << shards;
}

TEST(Balance, AnEmptyShardGetsItsShareAndNothingElseMoves) {
  std::vector<ShardSlots> shards = even(99);
  shards.push_back({"p100", {}, std::nullopt, false});
  EXPECT_EQ(moved(balance(shards)), 163);
  shards = even(199);
  shards.push_back({"p200", {}, std::nullopt, false});
  EXPECT_EQ(moved(balance(shards)), 81);
}

TEST(Balance, GrowingAndShrinkingBackLeavesFewRanges) {
  std::vector<ShardSlots> shards = even(3);
  for (int i = 4; i <= 12; ++i) shards.push_back({"p" + std::to_string(i), {}, std::nullopt, false});
  carry_out(shards, balance(shards));
  for (size_t i = 3; i < shards.size(); ++i) shards[i].leaving = true;
  carry_out(shards, balance(shards));
  int ranges = 0;
  for (size_t i = 0; i < 3; ++i) ranges += static_cast<int>(shards[i].slots.size());
  EXPECT_LE(ranges, 12);
}

TEST(Balance, GoesWhereSlotsWereNamed) {
  std::vector<ShardSlots> shards = even(2);
  shards[0].explicit_slots = SlotRanges{{0, 9}};
  shards[1].explicit_slots = SlotRanges{{10, 16383}};
  std::vector<SlotMove> moves = balance(shards);
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(to_string(moves[0].slots), "10-8191");
}

RC_GTEST_PROP(BalanceProperty, EndsEvenWithTheFewestMovesAndLosesNothing, ()) {
  int shard_count = *rc::gen::inRange(1, 12);
  std::vector<ShardSlots> shards;
  for (int i = 0; i < shard_count; ++i)
    shards.push_back({"p" + std::to_string(i),
                      {},
                      std::nullopt,
                      *rc::gen::weightedElement<bool>({{4, false}, {1, true}})});
  shards[0].leaving = false;
  int slot = 0;
  while (slot < kSlotCount) {
    int last = std::min(kSlotCount - 1, slot + *rc::gen::inRange(0, 4000));
    auto owner = static_cast<size_t>(*rc::gen::inRange(0, shard_count));
    shards[owner].slots.push_back({static_cast<Slot>(slot), static_cast<Slot>(last)});
    slot = last + 1;
  }
  for (ShardSlots& shard : shards) shard.slots = normalize(shard.slots);
  std::vector<SlotMove> moves = balance(shards);
  int staying =
      static_cast<int>(std::ranges::count_if(shards, [](const ShardSlots& s) { return !s.leaving; }));
  int least =
      0;  // what any even end state must take away: all beyond the share, the odd slots left where most are
  std::vector<int> counts;
  for (const ShardSlots& shard : shards) {
    if (shard.leaving)
      least += count(shard.slots);
    else
      counts.push_back(count(shard.slots));
  }
  std::ranges::sort(counts, std::greater<>());
  for (size_t i = 0; i < counts.size(); ++i) {
    int share = kSlotCount / staying + (static_cast<int>(i) < kSlotCount % staying ? 1 : 0);
    least += std::max(0, counts[i] - share);
  }
  RC_ASSERT(moved(moves) == least);
  carry_out(shards, moves);
  int low = kSlotCount;
  int high = 0;
  for (const ShardSlots& shard : shards) {
    if (shard.leaving) {
      RC_ASSERT(shard.slots.empty());
      continue;
    }
    low = std::min(low, count(shard.slots));
    high = std::max(high, count(shard.slots));
  }
  RC_ASSERT(high - low <= 1);
  RC_ASSERT(balance(shards).empty());
}

}  // namespace
}  // namespace keyway::cluster
