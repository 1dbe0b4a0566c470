// One run of a replicated shard whose agents elect its primary by a Lease, drawn from a seed: faults first,
// then peace, in which everything must come to rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace keyway::simulation {

struct LeaseResult {
  std::optional<std::string> failure;
  int64_t writes = 0;
  int64_t acknowledged = 0;
  int64_t forgiven = 0;
  int64_t longest_gap_us = 0;  // without an accepted write, faults and peace together
  int64_t settled_us = 0;
  int64_t virtual_us = 0;
};

LeaseResult run_leases(uint64_t seed, bool trace);

}  // namespace keyway::simulation
