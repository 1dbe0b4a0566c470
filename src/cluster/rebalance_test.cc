#include "cluster/rebalance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/format.h"

namespace keyway::cluster {
namespace {

using testing::HasSubstr;

std::vector<SlotHolder> even(int count) {
  std::vector<SlotHolder> holders;
  for (int i = 0; i < count; ++i)
    holders.push_back({.id = fmt::format("n{}", i), .slots = {even_range(i, count)}});
  return holders;
}

void join(std::vector<SlotHolder>& holders, int count) {
  for (int i = 0; i < count; ++i) holders.push_back({.id = fmt::format("n{}", holders.size()), .slots = {}});
}

int moved(const std::vector<SlotMove>& moves) {
  int total = 0;
  for (const SlotMove& move : moves) total += count(move.slots);
  return total;
}

// Who holds what after the moves. Each slot must be where a move says that it is.
std::vector<SlotHolder> after(const std::vector<SlotHolder>& holders, const std::vector<SlotMove>& moves) {
  std::map<std::string, SlotSet> sets;
  for (const SlotHolder& holder : holders) sets[holder.id] = to_set(holder.slots);
  for (const SlotMove& move : moves) {
    SlotSet moving = to_set(move.slots);
    EXPECT_EQ(move.slots, to_ranges(moving)) << "not canonical";
    EXPECT_TRUE(moving.any() && (sets[move.from] & moving) == moving) << move.from;
    sets[move.from] &= ~moving;
    sets[move.to] |= moving;
  }
  std::vector<SlotHolder> result = holders;
  for (SlotHolder& holder : result) holder.slots = to_ranges(sets[holder.id]);
  return result;
}

std::vector<SlotMove> plan(const std::vector<SlotHolder>& holders, const RebalanceOptions& options = {}) {
  auto moves = rebalance(holders, options);
  EXPECT_TRUE(moves) << moves.error().message;
  return moves.value_or(std::vector<SlotMove>{});
}

std::vector<SlotHolder> balanced(const std::vector<SlotHolder>& holders) {
  std::vector<SlotMove> moves = plan(holders);
  std::vector<SlotHolder> result = after(holders, moves);
  EXPECT_EQ(ranges_after(holders, moves), ranges_after(result, {}));
  return result;
}

// Without those that were to be emptied, which must be empty.
std::vector<SlotHolder> without_drained(const std::vector<SlotHolder>& holders) {
  std::vector<SlotHolder> left;
  for (const SlotHolder& holder : holders) {
    if (holder.weight > 0) {
      left.push_back(holder);
    } else {
      EXPECT_TRUE(holder.slots.empty()) << holder.id;
    }
  }
  return left;
}

std::vector<double> shares_of(const std::vector<SlotHolder>& holders) {
  double weights = 0;
  double total = 0;
  for (const SlotHolder& holder : holders) {
    weights += holder.weight;
    total += count(holder.slots);
  }
  std::vector<double> shares;
  for (const SlotHolder& holder : holders) shares.push_back(total * holder.weight / weights);
  return shares;
}

// The fewest slots that any plan could move to shares that are rounded up or down: all beyond the share
// rounded up must go, and of those that could keep an odd slot only as many can as there are.
int fewest(const std::vector<SlotHolder>& holders) {
  std::vector<double> shares = shares_of(holders);
  int surplus = 0;
  int keeping = 0;
  double odd = 0;
  for (size_t i = 0; i < holders.size(); ++i) {
    double low = std::floor(shares[i] + 1e-9);
    double high = std::ceil(shares[i] - 1e-9);
    int held = count(holders[i].slots);
    odd += held - low;
    surplus += std::max(0, held - static_cast<int>(high));
    if (high > low && held >= static_cast<int>(high)) ++keeping;
  }
  return surplus + std::max(0, keeping - static_cast<int>(std::lround(odd)));
}

TEST(Rebalance, OneEmptyNodeGetsItsShareAndNothingElseMoves) {
  for (auto [others, least] : std::map<int, int>{{99, 163}, {199, 81}, {200, 81}, {3, 4096}}) {
    std::vector<SlotHolder> holders = even(others);
    join(holders, 1);
    EXPECT_EQ(moved(plan(holders)), least) << others;
    EXPECT_EQ(fewest(holders), least) << others;
  }
}

TEST(Rebalance, ANewNodeSitsBetweenPairsOfThoseThatGive) {
  std::vector<SlotHolder> holders = even(99);
  join(holders, 1);
  EXPECT_EQ(ranges_after(holders, plan(holders)), 99 + 50);
  holders = even(2);
  join(holders, 1);
  EXPECT_EQ(ranges_after(holders, plan(holders)), 3);
}

TEST(Rebalance, DoublingTheNodesCutsEachRangeOnce) {
  for (int count : {2, 7, 64, 500}) {
    std::vector<SlotHolder> holders = even(count);
    join(holders, count);
    EXPECT_EQ(ranges_after(holders, plan(holders)), 2 * count) << count;
  }
}

TEST(Rebalance, GrowingAtOnceAndShrinkingBackLeavesWhatWasThere) {
  std::vector<SlotHolder> holders = even(3);
  join(holders, 9);
  holders = balanced(holders);
  EXPECT_EQ(ranges_after(holders, {}), 12);
  for (size_t i = 3; i < 12; ++i) holders[i].weight = 0;
  EXPECT_EQ(ranges_after(without_drained(balanced(holders)), {}), 3);
}

// In steps redis-cli's way leaves 62 ranges at 12 nodes, up to 88 on the way and 63 at the end.
TEST(Rebalance, GrowingInStepsAndShrinkingBackLeavesFewRanges) {
  std::vector<SlotHolder> holders = even(3);
  while (holders.size() < 12) {
    join(holders, 1);
    holders = balanced(holders);
    EXPECT_LE(ranges_after(holders, {}), 40) << holders.size();
  }
  std::vector<SlotHolder> at_once = holders;
  for (size_t i = 3; i < 12; ++i) at_once[i].weight = 0;
  EXPECT_LE(ranges_after(without_drained(balanced(at_once)), {}), 6);
  while (holders.size() > 3) {
    holders.back().weight = 0;
    holders = without_drained(balanced(holders));
    EXPECT_LE(ranges_after(holders, {}), 40) << holders.size();
  }
  EXPECT_LE(ranges_after(holders, {}), 10);
}

TEST(Rebalance, EmptiesSeveralNodesAtOnce) {
  std::vector<SlotHolder> holders = even(10);
  for (size_t i : {0U, 3U, 6U, 9U}) holders[i].weight = 0;
  std::vector<SlotHolder> left = without_drained(balanced(holders));
  ASSERT_EQ(left.size(), 6U);
  for (const SlotHolder& holder : left) EXPECT_NEAR(count(holder.slots), 2730.67, 1) << holder.id;
  // What is too much for the outermost two has to go to the middle, and one slot across it.
  EXPECT_EQ(ranges_after(left, {}), 9);
}

TEST(Rebalance, SharesFollowWeights) {
  std::vector<SlotHolder> holders = even(4);
  holders[0].weight = 3;
  holders[3].weight = 0.5;
  holders[2].weight = 0.5;
  holders = balanced(holders);
  std::vector<double> shares = shares_of(holders);
  for (size_t i = 0; i < holders.size(); ++i) EXPECT_LT(std::abs(count(holders[i].slots) - shares[i]), 1);
  EXPECT_EQ(ranges_after(holders, {}), 5);
}

TEST(Rebalance, NothingMovesWithinTheThreshold) {
  std::vector<SlotHolder> holders{{.id = "a", .slots = {{0, 5500}}},
                                  {.id = "b", .slots = {{5501, 10950}}},
                                  {.id = "c", .slots = {{10951, 16383}}}};
  EXPECT_TRUE(plan(holders, {.threshold_percent = 2}).empty());
  EXPECT_EQ(moved(plan(holders, {.threshold_percent = 0.5})), 39);
}

TEST(Rebalance, TheThresholdDoesNotKeepSlotsOnANodeThatShallHaveNone) {
  std::vector<SlotHolder> holders = even(2);
  holders.push_back({.id = "gone", .slots = {}, .weight = 0});
  holders[0].slots = {{1, 8191}};
  holders[2].slots = {{0, 0}};
  std::vector<SlotMove> moves = plan(holders, {.threshold_percent = 50});
  ASSERT_EQ(moves.size(), 1U);
  EXPECT_EQ(moves[0].from, "gone");
  EXPECT_EQ(moves[0].to, "n0");
}

TEST(Rebalance, SlotsThatNobodyOwnsAreNotDealtOut) {
  std::vector<SlotHolder> holders{{.id = "a", .slots = {{100, 299}}}, {.id = "b", .slots = {}}};
  std::vector<SlotMove> moves = plan(holders);
  EXPECT_EQ(moved(moves), 100);
  EXPECT_EQ(ranges_after(holders, moves), 2);
}

TEST(Rebalance, SaysWhatIsWrongWithItsInput) {
  std::vector<SlotHolder> holders = even(2);
  holders[0].weight = holders[1].weight = 0;
  EXPECT_THAT(rebalance(holders, {}).error().message, HasSubstr("no weight is above zero"));
  holders[1].weight = -1;
  EXPECT_THAT(rebalance(holders, {}).error().message, HasSubstr("n1"));
  holders[1].weight = std::numeric_limits<double>::infinity();
  EXPECT_EQ(rebalance(holders, {}).error().code, ErrorCode::kInvalidArgument);
  holders = even(2);
  holders[1].slots = {{8191, 16383}};
  EXPECT_THAT(rebalance(holders, {}).error().message, HasSubstr("slot 8191"));
  EXPECT_FALSE(rebalance(even(2), {.loads = {1, 2, 3}}));
  EXPECT_FALSE(rebalance(even(2), {.loads = SlotLoads(kSlotCount, -1)}));
}

// --- By load.

double heaviest(const SlotLoads& loads) { return std::ranges::max(loads); }

double load_of(const SlotRanges& slots, const SlotLoads& loads) {
  double load = 0;
  for (const SlotRange& range : slots) {
    for (size_t slot = range.first; slot <= range.last; ++slot) load += loads[slot];
  }
  return load;
}

void expect_loads_even(const std::vector<SlotHolder>& holders, const SlotLoads& loads) {
  double total = std::accumulate(loads.begin(), loads.end(), 0.0);
  double weights = 0;
  for (const SlotHolder& holder : holders) weights += holder.weight;
  for (const SlotHolder& holder : holders) {
    EXPECT_LE(std::abs(load_of(holder.slots, loads) - total * holder.weight / weights),
              heaviest(loads) + total * 1e-9)
        << holder.id;
  }
}

TEST(RebalanceByLoad, MovesWhatIsTooMuch) {
  SlotLoads loads(kSlotCount, 1);
  for (size_t slot = 0; slot < 4096; ++slot) loads[slot] = 4;  // 16384 of all 28672
  std::vector<SlotHolder> holders = even(4);
  std::vector<SlotMove> moves = plan(holders, {.loads = loads});
  std::vector<SlotHolder> result = after(holders, moves);
  expect_loads_even(result, loads);
  EXPECT_EQ(ranges_after(holders, moves), 6);
  double moved_load = 0;
  for (const SlotMove& move : moves) moved_load += load_of(move.slots, loads);
  EXPECT_NEAR(moved_load, 16384 - 28672 / 4.0, heaviest(loads));
}

TEST(RebalanceByLoad, OneHotSlotStaysWhereItIs) {
  SlotLoads loads(kSlotCount, 1);
  loads[0] = 100000;
  std::vector<SlotHolder> holders = even(3);
  std::vector<SlotHolder> result = after(holders, plan(holders, {.loads = loads}));
  EXPECT_TRUE(contains(result[0].slots, 0));
  EXPECT_LT(count(result[0].slots), 100);
}

TEST(RebalanceByLoad, WithoutAnyLoadSlotsCount) {
  std::vector<SlotHolder> holders = even(3);
  join(holders, 1);
  EXPECT_EQ(moved(plan(holders, {.loads = SlotLoads(kSlotCount, 0)})), 4096);
}

TEST(RebalanceByLoad, ANodeThatShallHaveNoneGivesItsIdleSlotsToo) {
  SlotLoads loads(kSlotCount, 0);
  for (size_t slot = 0; slot < 8000; ++slot) loads[slot] = 1;
  std::vector<SlotHolder> holders = even(4);
  holders[3].weight = 0;
  holders[1].weight = 0;
  std::vector<SlotHolder> result = after(holders, plan(holders, {.loads = loads}));
  EXPECT_EQ(without_drained(result).size(), 2U);
  expect_loads_even(result, loads);
}

// --- Taking slots.

TEST(TakeSlots, TakesFromEachInProportion) {
  std::vector<SlotHolder> ten = even(10);
  auto moves = take_slots(ten, {.id = "to", .slots = {}}, 16);
  ASSERT_TRUE(moves);
  EXPECT_EQ(moved(*moves), 16);
  for (const SlotMove& move : *moves) {
    EXPECT_EQ(move.to, "to");
    EXPECT_LE(count(move.slots), 2);
  }
  EXPECT_EQ(moves->size(), 10U);
}

TEST(TakeSlots, LengthensRangesThatTheTargetHas) {
  std::vector<SlotHolder> holders{{.id = "a", .slots = {{0, 999}, {2000, 2999}}}};
  SlotHolder to{.id = "to", .slots = {{1000, 1999}}};
  auto moves = take_slots(holders, to, 1200);
  ASSERT_TRUE(moves);
  holders.push_back(to);
  EXPECT_EQ(ranges_after(holders, *moves), 2);
}

TEST(TakeSlots, TakesAllIfAsked) {
  std::vector<SlotHolder> three = even(3);
  auto moves = take_slots(three, {.id = "to", .slots = {}}, kSlotCount);
  ASSERT_TRUE(moves);
  EXPECT_EQ(moved(*moves), kSlotCount);
}

TEST(TakeSlots, RefusesMoreThanThereAre) {
  std::vector<SlotHolder> one{{.id = "a", .slots = {{0, 9}}}};
  auto moves = take_slots(one, {.id = "to", .slots = {}}, 11);
  ASSERT_FALSE(moves);
  EXPECT_EQ(moves.error().message, "11 slots cannot be taken from a, which holds 10");
  EXPECT_FALSE(take_slots(one, {.id = "to", .slots = {}}, 0));
  EXPECT_FALSE(take_slots({}, {.id = "to", .slots = {}}, 1));
}

// --- Whatever there is.

std::vector<SlotHolder> any_holders(int most) {
  int holder_count = *rc::gen::inRange(1, most + 1);
  int longest = *rc::gen::weightedElement<int>({{1, 5}, {9, 60}, {20, 500}, {20, 6000}});
  bool weighted = *rc::gen::arbitrary<bool>();
  bool gaps = *rc::gen::arbitrary<bool>();
  std::vector<SlotHolder> holders;
  for (int i = 0; i < holder_count; ++i) {
    double weight = weighted ? *rc::gen::element(0.0, 0.5, 1.0, 1.0, 2.0, 7.3)
                             : *rc::gen::weightedElement<double>({{5, 1.0}, {1, 0.0}});
    holders.push_back({.id = fmt::format("n{}", i), .slots = {}, .weight = weight});
  }
  holders[0].weight = 1;
  int owning = *rc::gen::inRange(1, holder_count + 1);
  int seed = *rc::gen::inRange(0, 1 << 30);
  auto random = [state = static_cast<uint32_t>(seed)](int below) mutable {
    state = state * 1664525U + 1013904223U;
    return static_cast<int>((state >> 8) % static_cast<uint32_t>(below));
  };
  for (int slot = 0; slot < kSlotCount;) {
    int last = std::min(kSlotCount - 1, slot + random(longest));
    int owner = random(owning + (gaps ? 1 : 0));
    if (owner < owning)
      holders[static_cast<size_t>(owner)].slots.push_back({static_cast<Slot>(slot), static_cast<Slot>(last)});
    slot = last + 1;
  }
  for (SlotHolder& holder : holders) holder.slots = normalize(holder.slots);
  return holders;
}

RC_GTEST_PROP(RebalanceProperty, TheFewestSlotsMoveAndEachHolderEndsAtItsShare, ()) {
  std::vector<SlotHolder> holders = any_holders(12);
  auto moves = rebalance(holders, {});
  RC_ASSERT(moves.has_value());
  RC_ASSERT(moved(*moves) == fewest(holders));
  std::vector<SlotHolder> result = after(holders, *moves);
  std::vector<double> shares = shares_of(holders);
  SlotSet all;
  int total = 0;
  for (size_t i = 0; i < result.size(); ++i) {
    RC_ASSERT(std::abs(count(result[i].slots) - shares[i]) < 1);
    RC_ASSERT(result[i].weight > 0 || result[i].slots.empty());
    all |= to_set(result[i].slots);
    total += count(result[i].slots);
  }
  RC_ASSERT(static_cast<int>(all.count()) == total);
  int before = 0;
  for (const SlotHolder& holder : holders) before += count(holder.slots);
  RC_ASSERT(before == total);
  RC_ASSERT(ranges_after(holders, *moves) == ranges_after(result, {}));
  RC_ASSERT(rebalance(result, {}).value().empty());
}

RC_GTEST_PROP(RebalanceProperty, PartOfAPlanCarriedOutLeavesTheRestToDo, ()) {
  std::vector<SlotHolder> holders = any_holders(8);
  std::vector<SlotMove> moves = rebalance(holders, {}).value();
  RC_PRE(!moves.empty());
  int done = 0;
  for (SlotMove& move : moves) {
    SlotSet some;
    for (const SlotRange& range : move.slots) {
      for (size_t slot = range.first; slot <= range.last; slot += 2) some.set(slot);
    }
    move.slots = to_ranges(some);
    done += count(move.slots);
  }
  RC_ASSERT(fewest(after(holders, moves)) == fewest(holders) - done);
}

RC_GTEST_PROP(RebalanceProperty, LoadsEndWithinTheHeaviestSlot, ()) {
  std::vector<SlotHolder> holders = any_holders(8);
  SlotLoads loads(kSlotCount);
  int kind = *rc::gen::inRange(0, 3);
  int seed = *rc::gen::inRange(1, 1 << 30);
  for (size_t slot = 0; slot < loads.size(); ++slot) {
    double random = static_cast<double>((slot + 1) * static_cast<size_t>(seed) % 10007) / 10007.0;
    loads[slot] = kind == 0 ? random : kind == 1 ? 1 / (random + 0.0001) : random < 0.9 ? 0 : random;
  }
  auto moves = rebalance(holders, {.loads = loads});
  RC_ASSERT(moves.has_value());
  std::vector<SlotHolder> result = after(holders, *moves);
  double total = 0;
  double weights = 0;
  for (const SlotHolder& holder : holders) {
    total += load_of(holder.slots, loads);
    weights += holder.weight;
  }
  for (const SlotHolder& holder : result) {
    double share = total * holder.weight / weights;
    RC_ASSERT(std::abs(load_of(holder.slots, loads) - share) <= heaviest(loads) + 1e-6 * total);
    RC_ASSERT(holder.weight > 0 || holder.slots.empty());
  }
}

RC_GTEST_PROP(TakeSlotsProperty, TakesExactlySoMany, ()) {
  std::vector<SlotHolder> holders = any_holders(8);
  SlotHolder to = holders.back();
  holders.pop_back();
  int held = 0;
  for (const SlotHolder& holder : holders) held += count(holder.slots);
  RC_PRE(held > 0);
  int wanted = *rc::gen::inRange(1, held + 1);
  auto moves = take_slots(holders, to, wanted);
  RC_ASSERT(moves.has_value());
  RC_ASSERT(moved(*moves) == wanted);
  for (const SlotMove& move : *moves) {
    RC_ASSERT(move.to == to.id);
    auto from = std::ranges::find(holders, move.from, &SlotHolder::id);
    double part = static_cast<double>(count(from->slots)) * wanted / held;
    RC_ASSERT(std::abs(count(move.slots) - part) < 1);
  }
  holders.push_back(to);
  EXPECT_EQ(count(after(holders, *moves).back().slots), count(to.slots) + wanted);
}

// A loose bound that an unoptimised build keeps too; the benchmark says what it takes.
TEST(Rebalance, AThousandNodesArePlannedSoon) {
  std::vector<SlotHolder> holders = even(900);
  join(holders, 100);
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(moved(plan(holders)), 1600);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace keyway::cluster
