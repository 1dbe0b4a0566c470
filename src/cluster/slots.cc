#include "cluster/slots.h"

#include <algorithm>
#include <cassert>

#include "base/strings.h"

namespace keyway::cluster {

namespace {

std::optional<Slot> parse_slot(std::string_view text) {
  const auto number = parse_uint(text);
  if (!number || *number >= kSlotCount) return std::nullopt;
  return static_cast<Slot>(*number);
}

std::optional<SlotRange> parse_range(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = parse_slot(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_slot(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return SlotRange{*first, *last};
}

}  // namespace

SlotSet to_set(const SlotRanges& ranges) {
  SlotSet set;
  for (const SlotRange& range : ranges) {
    assert(range.first <= range.last && range.last < kSlotCount);
    for (size_t slot = range.first; slot <= range.last; ++slot) set.set(slot);
  }
  return set;
}

SlotRanges to_ranges(const SlotSet& set) {
  SlotRanges ranges;
  size_t slot = set._Find_first();
  while (slot < kSlotCount) {
    const size_t first = slot;
    while (slot < kSlotCount && set[slot]) ++slot;
    ranges.push_back({static_cast<Slot>(first), static_cast<Slot>(slot - 1)});
    if (slot < kSlotCount) slot = set._Find_next(slot);
  }
  return ranges;
}

SlotRanges normalize(SlotRanges ranges) {
  std::sort(ranges.begin(), ranges.end());
  SlotRanges merged;
  for (const SlotRange& range : ranges) {
    assert(range.first <= range.last && range.last < kSlotCount);
    if (!merged.empty() && range.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

int count(const SlotRanges& ranges) {
  int total = 0;
  for (const SlotRange& range : ranges) total += range.last - range.first + 1;
  return total;
}

bool contains(const SlotRanges& ranges, Slot slot) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), slot,
                                      [](Slot value, const SlotRange& range) { return value < range.first; });
  return after != ranges.begin() && std::prev(after)->last >= slot;
}

std::string to_string(const SlotRanges& ranges) {
  std::string text;
  for (const SlotRange& range : ranges) {
    if (!text.empty()) text += ' ';
    text += std::to_string(range.first);
    if (range.last != range.first) text += '-' + std::to_string(range.last);
  }
  return text;
}

std::optional<SlotRanges> parse_slots(std::string_view text) {
  SlotRanges ranges;
  for (std::string_view blank_free : split_blanks(text)) {
    for (std::string_view part : split(blank_free, ',')) {
      if (part.empty()) continue;
      const auto range = parse_range(part);
      if (!range) return std::nullopt;
      ranges.push_back(*range);
    }
  }
  return normalize(std::move(ranges));
}

SlotRange even_range(int index, int shard_count) {
  assert(0 <= index && index < shard_count && shard_count <= kSlotCount);
  const int share = kSlotCount / shard_count;
  const int larger = kSlotCount % shard_count;  // so many shards, the first ones, have one slot more
  const int first = index * share + std::min(index, larger);
  const int size = share + (index < larger ? 1 : 0);
  return {static_cast<Slot>(first), static_cast<Slot>(first + size - 1)};
}

}  // namespace keyway::cluster
