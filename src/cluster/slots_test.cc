#include "cluster/slots.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace keyway::cluster {
namespace {

// Few, short and often touching ranges as well as long ones.
rc::Gen<SlotRanges> any_ranges() {
  const auto range = rc::gen::apply(
      [](int first, int length) {
        const int last = std::min(first + length, kSlotCount - 1);
        return SlotRange{static_cast<Slot>(first), static_cast<Slot>(last)};
      },
      rc::gen::inRange(0, kSlotCount),
      rc::gen::oneOf(rc::gen::inRange(0, 4), rc::gen::inRange(0, kSlotCount)));
  return rc::gen::container<SlotRanges>(range);
}

TEST(Slots, SetAndRangesAreTheSame) {
  const SlotRanges ranges = {{0, 0}, {5, 9}, {16383, 16383}};
  const SlotSet set = to_set(ranges);
  EXPECT_EQ(set.count(), 7u);
  EXPECT_TRUE(set[0] && set[5] && set[9] && set[16383]);
  EXPECT_FALSE(set[1] || set[4] || set[10]);
  EXPECT_EQ(to_ranges(set), ranges);
  EXPECT_TRUE(to_ranges(SlotSet{}).empty());
  EXPECT_EQ(to_ranges(SlotSet{}.set()), (SlotRanges{{0, 16383}}));
}

TEST(Slots, NormalizeSortsAndMergesWhatTouches) {
  EXPECT_EQ(normalize({{10, 20}, {0, 4}, {5, 5}, {15, 30}, {40, 40}, {16, 17}}),
            (SlotRanges{{0, 5}, {10, 30}, {40, 40}}));
  EXPECT_TRUE(normalize({}).empty());
}

TEST(Slots, CountAndContains) {
  const SlotRanges ranges = {{0, 99}, {200, 200}, {300, 16383}};
  EXPECT_EQ(count(ranges), 100 + 1 + 16084);
  EXPECT_TRUE(contains(ranges, 0) && contains(ranges, 99) && contains(ranges, 200) &&
              contains(ranges, 16383));
  EXPECT_FALSE(contains(ranges, 100) || contains(ranges, 199) || contains(ranges, 201) ||
               contains(ranges, 299));
  EXPECT_FALSE(contains({}, 0));
  EXPECT_FALSE(contains({{1, 2}}, 0));
}

TEST(Slots, Text) {
  EXPECT_EQ(to_string(SlotRanges{{0, 100}, {200, 200}, {300, 400}}), "0-100 200 300-400");
  EXPECT_EQ(to_string(SlotRanges{}), "");
  EXPECT_EQ(parse_slots("0-100 200 300-400"), (SlotRanges{{0, 100}, {200, 200}, {300, 400}}));
  EXPECT_EQ(parse_slots(" 300-400,\t200, 0-100 ,,101\n"), (SlotRanges{{0, 101}, {200, 200}, {300, 400}}));
  EXPECT_EQ(parse_slots(""), SlotRanges{});
}

TEST(Slots, RefusesWhatIsNoRange) {
  for (const char* text : {"x", "-", "1-", "-1", "5-4", "16384", "0-16384", "1-2-3", "1 - 2", "+1", "0x10",
                           "1.5", "65537", "99999999999999999999", "0-3;5"}) {
    EXPECT_FALSE(parse_slots(text)) << text;
  }
}

TEST(Slots, EvenSplitOfThree) {
  EXPECT_EQ(even_range(0, 3), (SlotRange{0, 5461}));
  EXPECT_EQ(even_range(1, 3), (SlotRange{5462, 10922}));
  EXPECT_EQ(even_range(2, 3), (SlotRange{10923, 16383}));
  EXPECT_EQ(even_range(0, 1), (SlotRange{0, 16383}));
  EXPECT_EQ(even_range(16383, 16384), (SlotRange{16383, 16383}));
}

RC_GTEST_PROP(SlotsProperty, NormalizeIsTheCanonicalForm, ()) {
  const SlotRanges ranges = *any_ranges();
  const SlotRanges normal = normalize(ranges);
  RC_ASSERT(normal == to_ranges(to_set(ranges)));
  for (size_t i = 1; i < normal.size(); ++i) RC_ASSERT(normal[i - 1].last + 1 < normal[i].first);
}

RC_GTEST_PROP(SlotsProperty, TextIsReadBack, ()) {
  const SlotRanges normal = normalize(*any_ranges());
  RC_ASSERT(parse_slots(to_string(normal)) == normal);
}

RC_GTEST_PROP(SlotsProperty, CountAndContainsAgreeWithTheSet, ()) {
  const SlotRanges normal = normalize(*any_ranges());
  const SlotSet set = to_set(normal);
  RC_ASSERT(static_cast<size_t>(count(normal)) == set.count());
  const int probe = *rc::gen::inRange(0, kSlotCount);
  RC_ASSERT(contains(normal, static_cast<Slot>(probe)) == set[static_cast<size_t>(probe)]);
}

RC_GTEST_PROP(SlotsProperty, EvenSplitCoversAllOnceAndIsEven, ()) {
  const int shards = *rc::gen::inRange(1, 1001);
  int next = 0;
  int smallest = kSlotCount;
  int largest = 0;
  for (int index = 0; index < shards; ++index) {
    const SlotRange range = even_range(index, shards);
    RC_ASSERT(range.first == next);
    next = range.last + 1;
    smallest = std::min(smallest, next - range.first);
    largest = std::max(largest, next - range.first);
  }
  RC_ASSERT(next == kSlotCount);
  RC_ASSERT(largest - smallest <= 1);
}

}  // namespace
}  // namespace keyway::cluster
