#include "cli/foresee.h"

namespace keyway::cli {

namespace {

constexpr int kMaxStages = 5000;
constexpr int kMaxIdleStages = 20;  // waiting may end with time alone
constexpr int64_t kStageMs = 1000;

}  // namespace

Foresight foresee(cluster::Desired desired, cluster::Observed observed, int64_t now_ms) {
  Foresight foresight;
  int stage = 1;
  for (int round = 0, idle = 0; round < kMaxStages && idle < kMaxIdleStages; ++round, now_ms += kStageMs) {
    cluster::Plan plan = cluster::plan(desired, observed, cluster::Policy{}, now_ms);
    foresight.waiting = plan.waiting;
    foresight.problems = plan.problems;
    foresight.converged = plan.converged();
    if (foresight.converged) return foresight;
    idle = plan.steps.empty() ? idle + 1 : 0;
    bool shown = false;
    for (cluster::Step& step : plan.steps) {
      cluster::predict(observed, desired, step.action, now_ms);
      if (const auto* met = std::get_if<cluster::ClearSwitchover>(&step.action))
        desired.switchover.erase(met->shard);
      if (cluster::for_the_record(step.action)) continue;
      foresight.steps.push_back({stage, std::move(step)});
      shown = true;
    }
    if (shown) ++stage;
  }
  return foresight;
}

}  // namespace keyway::cli
