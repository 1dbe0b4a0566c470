#include "cli/history_view.h"

#include <ctime>
#include <map>
#include <set>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::cli {

namespace {

using reconcile::FlightOutcome;
using reconcile::FlightRecord;

std::string state_of(const cluster::NodeFacts& node, cluster::Mode mode) {
  std::string state(cluster::health(node, mode));
  if (node.answering()) state += node.server.role == cluster::Role::kPrimary ? " primary" : " replica";
  return state;
}

class History {
 public:
  explicit History(std::string_view shard) : shard_(shard) {}

  void add(const FlightRecord& record) {
    if (record.has_facts) add_facts(record);
    for (const FlightOutcome& outcome : record.outcomes) add_outcome(outcome);
  }

  std::vector<HistoryLine> take() { return std::move(lines_); }

 private:
  struct Node {
    std::string shard;
    std::string state;
  };

  void add_facts(const FlightRecord& record) {
    std::map<std::string, Node> nodes;
    for (const cluster::NodeFacts& facts : record.observed.nodes) {
      std::string state = state_of(facts, record.desired.mode);
      auto before = nodes_.find(facts.name);
      if (before != nodes_.end() && before->second.state != state) {
        std::string note = facts.running() || facts.note.empty() ? "" : fmt::format(" ({})", facts.note);
        tell(record.at_ms, facts.shard,
             fmt::format("{}: {}, was {}{}", facts.name, state, before->second.state, note),
             facts.answering() ? Style::kPlain : Style::kWarning);
      }
      nodes[facts.name] = {facts.shard, std::move(state)};
    }
    nodes_ = std::move(nodes);
    std::set<std::string> problems;
    for (const cluster::Problem& problem : record.problems) {
      if (!problems_.contains(problem.text)) tell(record.at_ms, problem.shard, problem.text, Style::kBad);
      problems.insert(problem.text);
    }
    problems_ = std::move(problems);
  }

  void add_outcome(const FlightOutcome& outcome) {
    std::string text = outcome.error.empty() ? outcome.step.what : "could not " + outcome.step.what;
    if (!outcome.step.why.empty()) text += ": " + outcome.step.why;
    if (!outcome.detail.empty()) text += fmt::format(" ({})", outcome.detail);
    if (!outcome.error.empty()) text += "; " + outcome.error;
    bool slice = outcome.error.empty() && outcome.step.kind == "move_slots";
    std::string move = slice ? outcome.step.shard + outcome.step.why : std::string();
    if (slice && move == move_ && !lines_.empty()) lines_.pop_back();
    tell(outcome.at_ms, outcome.step.shard, std::move(text),
         outcome.error.empty() ? Style::kGood : Style::kBad);
    move_ = std::move(move);
  }

  void tell(int64_t at_ms, const std::string& shard, std::string text, Style style) {
    move_.clear();
    if (shard_.empty() || shard == shard_) lines_.push_back({at_ms, shard, std::move(text), style});
  }

  std::string_view shard_;
  std::vector<HistoryLine> lines_;
  std::map<std::string, Node> nodes_;  // as last seen
  std::set<std::string> problems_;     // that stand
  std::string move_;                   // of which the last line is a slice; empty: of none
};

}  // namespace

std::vector<HistoryLine> history_lines(const std::vector<FlightRecord>& records, std::string_view shard) {
  History history(shard);
  for (const FlightRecord& record : records) history.add(record);
  return history.take();
}

std::string utc_text(int64_t wall_ms) {
  std::time_t seconds = wall_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, wall_ms % 1000);
}

}  // namespace keyway::cli
