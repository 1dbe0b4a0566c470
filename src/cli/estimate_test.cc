#include "cli/estimate.h"

#include <gtest/gtest.h>

namespace keyway::cli {
namespace {

DataSizes sample() {
  DataSizes sizes;
  sizes.shards["p1"] = {1000, int64_t{100} << 20};
  for (size_t slot = 0; slot < 100; ++slot) {
    sizes.keys_in_slot[slot] = 10;
    sizes.shard_of_slot[slot] = "p1";
  }
  return sizes;
}

ForeseenStep move(int stage, cluster::Slot first, cluster::Slot last) {
  return {stage, {cluster::MoveSlots{"p1-0", "p2-0", {{first, last}}}, "p1", ""}};
}

ForeseenStep start(const std::string& node, const std::string& shard) {
  cluster::StartNode step;
  step.node = node;
  return {1, {step, shard, ""}};
}

TEST(Estimate, AMoveCostsItsShareOfTheKeys) {
  Cost cost = cost_of(move(1, 0, 49), sample());
  EXPECT_EQ(cost.keys, 500);
  EXPECT_EQ(cost.size_bytes, int64_t{50} << 20);
  EXPECT_EQ(cost.duration_ms, 25 + 1000);
}

TEST(Estimate, SlotsWithoutKeysCostOnlyTheirHandling) {
  Cost cost = cost_of(move(1, 100, 2099), sample());
  EXPECT_EQ(cost.keys, 0);
  EXPECT_EQ(cost.size_bytes, 0);
  EXPECT_EQ(cost.duration_ms, 1000);
}

TEST(Estimate, ANewServerIsSentTheShardsData) {
  Cost cost = cost_of(start("p1-1", "p1"), sample());
  EXPECT_EQ(cost.size_bytes, int64_t{100} << 20);
  EXPECT_EQ(cost.duration_ms, 1500);
}

TEST(Estimate, MovesTakeTurnsAndStartsDoNot) {
  std::vector<ForeseenStep> steps = {move(1, 0, 49), move(1, 50, 99)};
  steps.push_back(start("p3-0", "p3"));
  steps.push_back(start("p4-0", "p4"));
  std::vector<Cost> costs;
  for (const ForeseenStep& step : steps) costs.push_back(cost_of(step, sample()));
  Cost total = total_cost(steps, costs);
  EXPECT_EQ(total.keys, 1000);
  EXPECT_EQ(total.duration_ms, 2 * 1025 + 2000);
}

}  // namespace
}  // namespace keyway::cli
