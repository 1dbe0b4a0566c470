// The 16,384 hash slots of a sharded cluster. Values; any thread.
#pragma once

#include <bitset>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyway::cluster {

inline constexpr int kSlotCount = 16384;
using Slot = uint16_t;

// Both ends belong to it.
struct SlotRange {
  Slot first = 0;
  Slot last = 0;
  auto operator<=>(const SlotRange&) const = default;
};

// Sorted, disjoint and not adjacent, so that equal sets are equal vectors.
using SlotRanges = std::vector<SlotRange>;
using SlotSet = std::bitset<kSlotCount>;

SlotSet to_set(const SlotRanges& ranges);
SlotRanges to_ranges(const SlotSet& set);

// Any ranges in any order, made canonical as SlotRanges asks.
SlotRanges normalize(SlotRanges ranges);

int count(const SlotRanges& ranges);
bool contains(const SlotRanges& ranges, Slot slot);

// "0-100 200 300-400"; empty for no slots.
std::string to_string(const SlotRanges& ranges);

// The reverse: ranges parted by blanks or commas. Nothing if a part is no slot or range of slots, or runs
// backwards.
std::optional<SlotRanges> parse_slots(std::string_view text);

// The even, contiguous split in shard order: for three shards 0-5461, 5462-10922, 10923-16383. The first
// kSlotCount % shard_count shards have one slot more. Requires 0 <= index < shard_count <= kSlotCount.
SlotRange even_range(int index, int shard_count);

}  // namespace keyway::cluster
