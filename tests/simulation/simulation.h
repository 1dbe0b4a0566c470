// One run from one seed: the loop that ships against the model, first under faults, then in peace until
// everything is as it should be. Nothing outside of it is touched; runs may go in parallel.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "interrupter.h"
#include "model_platform.h"
#include "scenario.h"

namespace keyway::simulation {

struct RunOptions {
  bool trace = false;  // prints what happens to stdout
  // The platform of the run, if not the honest one: tests of the simulator itself plant bugs with it.
  std::function<std::unique_ptr<ModelPlatform>(World&, Interrupter&)> make_platform = {};
};

struct RunResult {
  std::optional<std::string> failure;  // one line; none: all rules held
  int64_t ticks = 0;
  int64_t steps = 0;
  int64_t writes = 0;  // that clients asked for
  int64_t acknowledged = 0;
  int64_t forgiven = 0;  // acknowledged ones that a fault took, as it may
  int64_t supervisor_ends = 0;
  int64_t virtual_us = 0;
  int64_t settled_us = 0;  // from the end of the faults until all was well
};

RunResult run(const Scenario& scenario, const RunOptions& options);

}  // namespace keyway::simulation
