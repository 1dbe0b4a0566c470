#include "reconcile/flight_recorder.h"

#include "base/format.h"
#include "base/log.h"
#include "base/strings.h"

namespace keyway::reconcile {

namespace {

// Slots move in many small steps; between two records with facts only their outcomes are kept.
constexpr int64_t kFactsEveryMs = 1000;

}  // namespace

std::string news_of(const Tick& tick) {
  std::string news(cluster::to_string(tick.desired.mode));
  news += ' ' + tick.desired.users_fingerprint;
  for (const cluster::DesiredShard& shard : tick.desired.shards) {
    news += fmt::format("\n{} {} {}", shard.name, join(shard.nodes, " "),
                        shard.slots ? cluster::to_string(*shard.slots) : "");
    for (const auto& [name, value] : shard.config) news += fmt::format(" {}={}", name, value);
  }
  for (const auto& [node, before_ms] : tick.desired.restart_before_ms)
    news += fmt::format("\nrestart {} {}", node, before_ms);
  for (const auto& [shard, node] : tick.desired.switchover) news += fmt::format("\nto {} {}", shard, node);
  for (const cluster::NodeFacts& node : tick.observed.nodes) {
    bool replica = node.answering() && node.server.role == cluster::Role::kReplica;
    news += fmt::format("\n{} {} {} {}", node.name, cluster::health(node, tick.desired.mode), node.pid,
                        replica ? to_string(node.server.primary_address) : "");
  }
  for (const cluster::Step& step : tick.plan.steps) news += "\n" + cluster::key_of(step.action);
  for (const cluster::Problem& problem : tick.plan.problems) news += "\n" + problem.text;
  return news;
}

void FlightRecorder::record(const Tick& tick) {
  std::string news = news_of(tick);
  if (news == told_ && tick.outcomes.empty()) return;
  FlightRecord record = make_flight_record(tick);
  if (news == told_ && tick.planned_ms - facts_ms_ < kFactsEveryMs && tick.planned_ms >= facts_ms_) {
    record.has_facts = false;
    record.steps.clear();
    record.waiting.clear();
    record.problems.clear();
  } else {
    told_ = std::move(news);
    facts_ms_ = tick.planned_ms;
  }
  bool written = file_.append(to_json_line(record) + '\n');
  if (!written && !failing_) {
    log_warning("the history cannot be written, its lines are lost; look for a full disk",
                {{"file", file_.path()}});
  }
  failing_ = !written;
}

}  // namespace keyway::reconcile
