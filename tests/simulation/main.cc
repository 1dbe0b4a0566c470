// simulation [--seeds N] [--first S] [--jobs J]   runs N seeds from S on, prints those that fail
// simulation --seed S [--trace]                   runs one
// --storm: a third of the runs have several times as many faults and changes at once.
#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>

#include "base/format.h"
#include "seeds.h"
#include "simulation.h"

namespace {

using keyway::simulation::RunResult;

struct Options : keyway::simulation::SeedOptions {
  bool trace = false;
  bool storm = false;
};

struct Totals {
  int64_t ticks = 0;
  int64_t steps = 0;
  int64_t acknowledged = 0;
  int64_t forgiven = 0;
  int64_t supervisor_ends = 0;
  int64_t virtual_us = 0;
  int64_t longest_settled_us = 0;

  void add(const RunResult& result) {
    ticks += result.ticks;
    steps += result.steps;
    acknowledged += result.acknowledged;
    forgiven += result.forgiven;
    supervisor_ends += result.supervisor_ends;
    virtual_us += result.virtual_us;
    longest_settled_us = std::max(longest_settled_us, result.settled_us);
  }
};

RunResult run_seed(uint64_t seed, bool storm, bool trace) {
  return keyway::simulation::run(keyway::simulation::draw_scenario(seed, storm), {trace});
}

int run_one(const Options& options) {
  RunResult result = run_seed(options.first, options.storm, options.trace);
  std::printf("seed %llu: %s (%lld ticks, %lld steps, %lld writes, settled after %.3f s)\n",
              static_cast<unsigned long long>(options.first), result.failure ? result.failure->c_str() : "ok",
              static_cast<long long>(result.ticks), static_cast<long long>(result.steps),
              static_cast<long long>(result.acknowledged), static_cast<double>(result.settled_us) / 1e6);
  return result.failure ? 1 : 0;
}

int run_many(const Options& options) {
  std::mutex mutex;
  std::map<uint64_t, std::string> failures;
  Totals totals;
  int64_t done = 0;
  keyway::simulation::run_seeds(options, [&](uint64_t seed) {
    RunResult result = run_seed(seed, options.storm, false);
    std::lock_guard lock(mutex);
    totals.add(result);
    if (result.failure) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), result.failure->c_str());
      failures[seed] = *result.failure;
    }
    if (++done % 1000 == 0)
      std::printf("%lld seeds, %zu failed\n", static_cast<long long>(done), failures.size());
    std::fflush(stdout);
  });
  for (const auto& [seed, text] : failures) {
    std::printf("replay: simulation --seed %llu%s --trace\n", static_cast<unsigned long long>(seed),
                options.storm ? " --storm" : "");
  }
  std::string line = fmt::format(
      "{} seeds, {} failed: {:.1f} h of virtual time, {} ticks, {} steps, {} ends of the supervisor, {} "
      "writes "
      "acknowledged, {} lost to faults, settled within {:.1f} s",
      options.seeds, failures.size(), static_cast<double>(totals.virtual_us) / 3.6e9, totals.ticks,
      totals.steps, totals.supervisor_ends, totals.acknowledged, totals.forgiven,
      static_cast<double>(totals.longest_settled_us) / 1e6);
  std::printf("%s\n", line.c_str());
  return failures.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!keyway::simulation::parse_seeds(argc, argv, {{"--trace", &options.trace}, {"--storm", &options.storm}},
                                       options)) {
    std::fprintf(stderr,
                 "usage: simulation [--storm] [--seeds N] [--first S] [--jobs J] | --seed S [--trace]\n");
    return 2;
  }
  return options.one ? run_one(options) : run_many(options);
}
