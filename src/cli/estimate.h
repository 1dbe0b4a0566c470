// What steps cost: keys, bytes and time, estimated from how much data the servers hold now. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/foresee.h"

namespace keyway::cli {

// The data as it is before the first step.
struct DataSizes {
  struct Shard {
    int64_t keys = 0;
    int64_t size_bytes = 0;
  };
  std::map<std::string, Shard> shards;
  std::vector<int64_t> keys_in_slot = std::vector<int64_t>(cluster::kSlotCount);
  std::vector<std::string> shard_of_slot = std::vector<std::string>(cluster::kSlotCount);
};

struct Cost {
  int64_t keys = 0;
  int64_t size_bytes = 0;  // sent from server to server
  int64_t duration_ms = 0;
};

// The rates behind the durations, as a person may be told them.
std::string how_estimated();

Cost cost_of(const ForeseenStep& step, const DataSizes& sizes);

// In sum. Stages follow one another; of one stage, servers start and stop side by side, moves take turns.
Cost total_cost(const std::vector<ForeseenStep>& steps, const std::vector<Cost>& costs);

}  // namespace keyway::cli
