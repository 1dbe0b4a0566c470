#include "agent/reporter.h"

#include <set>

#include "base/log.h"
#include "cluster/ownership.h"

namespace keyway::agent {

namespace {

using cluster::NodeFacts;
using cluster::PeerView;

// Codes of problems.
constexpr const char* kNeedsPerson = "needs_decision";  // the planner asks
constexpr const char* kStepFails = "step_fails";        // and is tried again
constexpr const char* kNoPrimary = "no_primary";
constexpr const char* kUnreadable = "wanted_unreadable";

constexpr int64_t kComposeMs = 500;

bool follows(const NodeFacts& node, const std::string& primary_id) {
  const PeerView* own = cluster::own_view(node);
  return own != nullptr && !own->primary && own->primary_id == primary_id && node.server.link_up &&
         !node.server.syncing;
}

bool starts_or_stops(const cluster::Action& action) {
  return std::holds_alternative<cluster::StartNode>(action) ||
         std::holds_alternative<cluster::StopNode>(action);
}

std::string doing(const cluster::Plan& plan) {
  for (const cluster::Step& step : plan.steps) {
    if (!cluster::for_the_record(step.action) && !starts_or_stops(step.action))
      return cluster::describe(step.action);
  }
  return plan.waiting.empty() ? std::string() : plan.waiting.front();
}

// The one with slots; in a shard without any, the one that takes itself for the primary.
const NodeFacts* primary_of(const std::vector<const NodeFacts*>& nodes) {
  const NodeFacts* best = nullptr;
  int64_t most = -1;
  for (const NodeFacts* node : nodes) {
    const PeerView* own = cluster::own_view(*node);
    if (own == nullptr || !own->primary || cluster::count(own->slots) <= most) continue;
    best = node;
    most = cluster::count(own->slots);
  }
  return best;
}

void describe_shards(const reconcile::Tick& tick, Report& report) {
  std::set<std::string> names;
  for (const cluster::DesiredShard& shard : tick.desired.shards) names.insert(shard.name);
  cluster::Knowledge knowledge(tick.observed);
  std::map<std::string, int64_t> slots;
  for (const auto& [id, known] : knowledge.nodes()) {
    int64_t count = cluster::count(known.view.slots);
    report.slots_assigned += count;
    if (known.facts == nullptr || count == 0) continue;
    if (known.facts->answering()) report.slots_served += count;
    slots[known.facts->shard] += count;
    names.insert(known.facts->shard);
  }
  std::map<std::string, std::vector<const NodeFacts*>> nodes;
  for (const NodeFacts& node : tick.observed.nodes) nodes[node.shard].push_back(&node);
  for (const std::string& name : names) {
    Report::Shard& shard = report.shards[name];
    shard.slots = slots[name];
    const NodeFacts* primary = primary_of(nodes[name]);
    if (primary == nullptr) continue;
    shard.primary = primary->name;
    for (const NodeFacts* node : nodes[name])
      shard.replicas_in_sync += follows(*node, primary->server.id) ? 1 : 0;
  }
}

}  // namespace

void Reporter::take_over(const std::string& last, int64_t wall_ms) {
  told_.clear();
  outcomes_.clear();
  text_.clear();
  composed_ms_ = 0;
  last_n_ = 0;
  if (last.empty()) return;
  Result<Report> report = platform::kubernetes::parse_report(last);
  if (!report) {
    log_warning("the last report cannot be read", {{"why", report.error().message}});
    last_n_ = wall_ms;
    return;
  }
  outcomes_ = std::move(report->outcomes);
  for (const Report::Outcome& outcome : outcomes_) last_n_ = std::max(last_n_, outcome.n);
}

void Reporter::heed(const std::string& wanted) {
  if (wanted == wanted_text_) return;
  wanted_text_ = wanted;
  unreadable_.clear();
  Result<Wanted> read = wanted.empty() ? Wanted{} : platform::kubernetes::parse_wanted(wanted);
  if (read) {
    wanted_ = std::move(*read);
    log_info("the operator's wishes are heeded", {{"wanted", wanted}});
  } else {
    unreadable_ = read.error().message;
    log_error("what the operator wants cannot be read", {{"why", unreadable_}});
  }
}

void Reporter::compose(Report report, int64_t now_ms) {
  if (composed_ms_ != 0 && now_ms - composed_ms_ < kComposeMs) return;
  composed_ms_ = now_ms;
  if (!unreadable_.empty()) report.problems.insert(report.problems.begin(), {kUnreadable, "", unreadable_});
  report.outcomes = outcomes_;
  text_ = platform::kubernetes::report_json(report);
}

void Reporter::add(std::string what, std::string why, const Status& status, const std::string& detail) {
  outcomes_.push_back({++last_n_, std::move(what), std::move(why), status.has_value(),
                       status ? detail : status.error().message});
  if (outcomes_.size() > platform::kubernetes::kMaxReportOutcomes) outcomes_.erase(outcomes_.begin());
}

void Reporter::add(const reconcile::Tick& tick) {
  std::map<std::string, bool> under_way;
  for (const cluster::Step& step : tick.plan.steps) {
    auto told = told_.find(cluster::key_of(step.action));
    if (told != told_.end()) under_way.insert(*told);
  }
  told_ = std::move(under_way);
  for (const reconcile::Outcome& outcome : tick.outcomes) {
    const cluster::Action& action = outcome.step.action;
    // That a person's request was met is news; other records are nobody's business, and pods are others'.
    bool news = std::holds_alternative<cluster::ClearSwitchover>(action) ||
                (!cluster::for_the_record(action) && !starts_or_stops(action));
    std::string key = cluster::key_of(action);
    auto told = told_.find(key);
    if (!news || (told != told_.end() && told->second == outcome.status.has_value())) continue;
    told_[key] = outcome.status.has_value();
    add(cluster::describe(action), outcome.step.reason, outcome.status, outcome.detail);
  }
}

Report describe_cluster(const reconcile::Tick& tick) {
  Report report;
  report.formed = tick.observed.formed;
  describe_shards(tick, report);
  report.doing = doing(tick.plan);
  for (const cluster::DesiredShard& shard : tick.desired.shards) {
    if (!report.formed || !report.shards[shard.name].primary.empty()) continue;
    report.problems.push_back({kNoPrimary, shard.name, "no server of it that answers is its primary"});
  }
  for (const cluster::Problem& problem : tick.plan.problems)
    report.problems.push_back({kNeedsPerson, problem.shard, problem.text});
  for (const std::string& delayed : tick.delayed) report.problems.push_back({kStepFails, "", delayed});
  return report;
}

}  // namespace keyway::agent
