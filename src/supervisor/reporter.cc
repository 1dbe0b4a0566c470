#include "supervisor/reporter.h"

#include <utility>
#include <variant>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::supervisor {
namespace {

using cluster::NodeFacts;

std::string_view role_text(const NodeFacts& node) {
  return node.server.role == cluster::Role::kPrimary ? "primary" : "replica";
}

std::string loss_text(const NodeFacts& node) {
  if (!node.running())
    return fmt::format("lost {}: {}", node.name, node.note.empty() ? "it has ended" : node.note);
  if (node.reach == cluster::Reach::kLoading)
    return fmt::format("lost {}: it loads its data again", node.name);
  if (node.reach == cluster::Reach::kDenied)
    return fmt::format("lost {}: it refuses Keyway's password", node.name);
  return fmt::format("lost {}: it does not answer (pid {})", node.name, node.pid);
}

// Steps that only keep the record: of no interest to people unless they fail.
bool is_bookkeeping(const cluster::Action& action) {
  return std::holds_alternative<cluster::RecordPrimary>(action) ||
         std::holds_alternative<cluster::RecordData>(action) ||
         std::holds_alternative<cluster::RecordFollow>(action) ||
         std::holds_alternative<cluster::RecordIdentity>(action) ||
         std::holds_alternative<cluster::RecordFormed>(action) ||
         std::holds_alternative<cluster::ClearSwitchover>(action);
}

// The one node of the shard that says it is the primary; null while there is none or more than one.
std::map<std::string, const NodeFacts*> sole_primaries(const cluster::Observed& observed) {
  std::map<std::string, const NodeFacts*> primaries;
  for (const auto& node : observed.nodes) {
    if (!node.answering() || node.server.role != cluster::Role::kPrimary) continue;
    const auto [it, first] = primaries.emplace(node.shard, &node);
    if (!first) it->second = nullptr;
  }
  return primaries;
}

}  // namespace

void Reporter::report(const reconcile::Tick& tick, const TickTime& time) {
  time_ = time;
  report_nodes(tick);
  report_primaries(tick.observed);
  for (const auto& outcome : tick.outcomes) report_outcome(outcome);
  report_problems(tick.plan);
  report_convergence(tick);
}

void Reporter::report_nodes(const reconcile::Tick& tick) {
  std::set<std::string> present;
  for (const auto& facts : tick.observed.nodes) {
    present.insert(facts.name);
    report_node(facts, tick.desired.mode, nodes_[facts.name]);
  }
  std::erase_if(nodes_, [&](const auto& entry) { return !present.contains(entry.first); });
}

void Reporter::report_node(const NodeFacts& facts, cluster::Mode mode, Node& node) {
  if (node.seen == Seen::kUp && !facts.answering()) {
    node.seen = Seen::kLost;
    node.lost_ms = time_.begin_ms;
    if (!std::exchange(node.stop_ordered, false)) {
      tell(LogLevel::kWarning, facts.shard, loss_text(facts), "lost " + facts.name);
    }
  } else if (node.seen != Seen::kUp && facts.answering() && cluster::health(facts, mode) == "ok") {
    if (node.seen == Seen::kLost) {
      tell(LogLevel::kInfo, facts.shard,
           fmt::format("{} is back as a {}, after {}", facts.name, role_text(facts),
                       human_duration(time_.begin_ms - node.lost_ms)),
           "back " + facts.name);
    }
    node.seen = Seen::kUp;
  }
}

void Reporter::report_primaries(const cluster::Observed& observed) {
  for (const auto& [shard, node] : sole_primaries(observed)) {
    if (!node) continue;
    std::string& known = primaries_[shard];
    if (!known.empty() && known != node->name) {
      tell(LogLevel::kInfo, shard,
           fmt::format("{} is now the primary of {}, in place of {}", node->name, shard, known),
           fmt::format("primary {} {}", shard, node->name));
    }
    known = node->name;
  }
  std::erase_if(primaries_, [&](const auto& entry) {
    for (const auto& node : observed.nodes) {
      if (node.shard == entry.first) return false;
    }
    return true;
  });
}

void Reporter::report_outcome(const reconcile::Outcome& outcome) {
  const auto& action = outcome.step.action;
  const std::string what = cluster::describe(action);
  if (!outcome.status) {
    const std::string& why = outcome.status.error().message;
    tell(LogLevel::kError, outcome.step.shard, fmt::format("could not {}: {}", what, why),
         fmt::format("failed {} {}", cluster::key_of(action), why));
    return;
  }
  if (const auto* stop = std::get_if<cluster::StopNode>(&action)) nodes_[stop->node].stop_ordered = true;
  if (is_bookkeeping(action)) return;
  std::string text = outcome.step.reason.empty() ? what : fmt::format("{}: {}", what, outcome.step.reason);
  if (!outcome.detail.empty()) text += fmt::format(" ({})", outcome.detail);
  // Slots move in many small steps that differ in how many are left; all others that differ are news.
  const bool moves = std::holds_alternative<cluster::MoveSlots>(action);
  tell(LogLevel::kInfo, outcome.step.shard, text, "done " + (moves ? cluster::key_of(action) : what));
}

void Reporter::report_problems(const cluster::Plan& plan) {
  std::set<std::string> problems;
  for (const auto& problem : plan.problems) {
    const std::string& about = problem.node.empty() ? problem.shard : problem.node;
    const std::string text = about.empty() ? problem.text : fmt::format("{}: {}", about, problem.text);
    problems.insert(text);
    if (!problems_.contains(text)) tell(LogLevel::kError, problem.shard, text, "problem " + text);
  }
  problems_ = std::move(problems);
}

void Reporter::report_convergence(const reconcile::Tick& tick) {
  if (!tick.plan.converged()) {
    if (!unsettled_since_ms_) unsettled_since_ms_ = time_.begin_ms;
    return;
  }
  const std::optional<int64_t> since_ms = std::exchange(unsettled_since_ms_, std::nullopt);
  // Said again only if something was said in between: a missed look is no news.
  if (!since_ms || (told_whole_ != 0 && told_whole_ == journal_.last_sequence())) return;
  journal_.add(time_.wall_ms, LogLevel::kInfo, "",
               fmt::format("cluster is whole: {}, {}, {}", count_of(std::ssize(tick.desired.shards), "shard"),
                           count_of(std::ssize(tick.observed.nodes), "node"),
                           human_duration(time_.end_ms - *since_ms)));
  told_whole_ = journal_.last_sequence();
}

void Reporter::tell(LogLevel level, const std::string& shard, const std::string& text,
                    const std::string& kind) {
  const std::optional<int> held_back = limit_.admit(kind, time_.end_ms);
  if (!held_back) return;
  const std::string more =
      *held_back == 0 ? std::string() : fmt::format(" (and {} before)", count_of(*held_back, "time"));
  journal_.add(time_.wall_ms, level, shard, text + more);
}

}  // namespace keyway::supervisor
