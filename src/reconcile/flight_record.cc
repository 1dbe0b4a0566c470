#include "reconcile/flight_record.h"

#include <algorithm>

#include "base/format.h"

namespace keyway::reconcile {

FlightStep in_words(const cluster::Step& step) {
  return {step.shard, std::string(cluster::kind(step.action)), cluster::describe(step.action), step.reason};
}

FlightRecord make_flight_record(const Tick& tick) {
  FlightRecord record;
  record.at_ms = tick.planned_ms;
  record.desired = tick.desired;
  record.observed = tick.observed;
  for (const cluster::Step& step : tick.plan.steps) record.steps.push_back(in_words(step));
  record.waiting = tick.plan.waiting;
  record.problems = tick.plan.problems;
  for (const Outcome& outcome : tick.outcomes) {
    record.outcomes.push_back({outcome.wall_ms, in_words(outcome.step),
                               outcome.status ? std::string() : outcome.status.error().message,
                               outcome.detail});
  }
  return record;
}

std::vector<std::string> replay(const FlightRecord& record, const cluster::Policy& policy) {
  const cluster::Plan plan = cluster::plan(record.desired, record.observed, policy, record.at_ms);
  std::vector<FlightStep> now;
  for (const cluster::Step& step : plan.steps) now.push_back(in_words(step));
  std::vector<std::string> differences;
  auto tell = [&](const FlightStep& step, std::string_view verdict) {
    differences.push_back(fmt::format("{}: {} ({})", verdict, step.what, step.why));
  };
  for (const FlightStep& step : record.steps) {
    if (std::ranges::find(now, step) == now.end()) tell(step, "no longer planned");
  }
  for (const FlightStep& step : now) {
    if (std::ranges::find(record.steps, step) == record.steps.end()) tell(step, "planned now");
  }
  if (differences.empty() && now != record.steps) differences.emplace_back("the same steps in another order");
  return differences;
}

}  // namespace keyway::reconcile
