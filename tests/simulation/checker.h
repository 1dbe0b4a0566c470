// The rules that hold at every moment, and those that hold in the end, apart from what the ledger watches
// over. Violations go to the ledger. Owned by the run; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "model_platform.h"
#include "reconcile/loop.h"
#include "workload.h"
#include "world.h"

namespace keyway::simulation {

class Checker {
 public:
  Checker(World& world, ModelPlatform& platform) : world_(world), platform_(platform) {}

  // What was planned and done in one turn of the loop.
  void check_tick(const reconcile::Tick& tick);
  // No slot has two servers that take writes for it and could know of each other. Call it every now and then.
  void check_writers();
  // Nothing is left to do: why that is wrong, or nothing.
  std::optional<std::string> unsettled(Workload& workload);

  int64_t steps() const { return steps_; }

 private:
  std::optional<std::string> unsettled_process(const ModelPlatform::Node& node) const;
  std::optional<std::string> unsettled_slots() const;
  std::optional<std::string> unsettled_table(const Server& server) const;
  std::optional<std::string> unsettled_shard(const cluster::PartitionSpec& partition) const;
  std::optional<std::string> unsettled_keys(Workload& workload) const;
  cluster::SlotRanges share_of(const cluster::PartitionSpec& partition) const;

  World& world_;
  ModelPlatform& platform_;
  int64_t steps_ = 0;
  std::map<std::pair<int, int>, int64_t> rivals_;  // two places, and since when both take writes for a slot
};

}  // namespace keyway::simulation
