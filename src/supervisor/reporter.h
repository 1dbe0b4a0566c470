// Tells in the journal what ticks of the loop did and saw: steps with their reasons, nodes lost and back,
// changed primaries, failures and what to do, and when the cluster is whole. Owned by the supervisor; one
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "reconcile/loop.h"
#include "supervisor/journal.h"
#include "supervisor/repeat_limit.h"

namespace keyway::supervisor {

// When a tick was: the wall clock and the monotonic one at its begin, and the latter at its end.
struct TickTime {
  int64_t wall_ms = 0;
  int64_t begin_ms = 0;
  int64_t end_ms = 0;
};

class Reporter {
 public:
  // `journal` outlives it. `started_ms` is when work on the cluster began, on the monotonic clock.
  Reporter(Journal& journal, int64_t started_ms) : journal_(journal), unsettled_since_ms_(started_ms) {}

  void report(const reconcile::Tick& tick, const TickTime& time);

 private:
  enum class Seen { kNever, kUp, kLost };
  struct Node {
    Seen seen = Seen::kNever;
    bool stop_ordered = false;  // its next end is no surprise
    int64_t lost_ms = 0;
  };

  void report_nodes(const reconcile::Tick& tick);
  void report_node(const cluster::NodeFacts& facts, cluster::Mode mode, Node& node);
  void report_primaries(const cluster::Observed& observed);
  void report_outcome(const reconcile::Outcome& outcome);
  void report_problems(const cluster::Plan& plan);
  void report_convergence(const reconcile::Tick& tick);
  // `kind`: what counts as the same thing said again.
  void tell(LogLevel level, const std::string& shard, const std::string& text, const std::string& kind);

  Journal& journal_;
  RepeatLimit limit_;
  TickTime time_;  // of the tick being reported
  std::map<std::string, Node> nodes_;
  std::map<std::string, std::string> primaries_;  // by shard
  std::set<std::string> problems_;                // of the last tick
  std::optional<int64_t> unsettled_since_ms_;     // none: converged
  uint64_t told_whole_ = 0;  // the journal's number when it was last said that all is whole
};

}  // namespace keyway::supervisor
