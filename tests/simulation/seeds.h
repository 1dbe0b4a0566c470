// Which seeds a simulator runs, as its command line says, and running them. One seed is one run, which shares
// nothing with others.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string_view>

namespace keyway::simulation {

struct SeedOptions {
  uint64_t first = 1;
  int64_t seeds = 1000;
  int64_t jobs = 0;  // threads; 0: as many as there are processors
  bool one = false;  // only `first`, told at more length
};

// --seeds N, --first S, --jobs J, --seed S, and flags without a value, by name. False: it says something
// else.
bool parse_seeds(int argc, char** argv, const std::map<std::string_view, bool*>& flags, SeedOptions& options);

// Calls `run` with each seed, on options.jobs threads.
void run_seeds(const SeedOptions& options, const std::function<void(uint64_t seed)>& run);

}  // namespace keyway::simulation
