// One look of the loop for the record: what was wanted and seen, what was planned and why, and what came of
// it. Kept as a line of JSON, from which the planner can be run again. The format is told in
// docs/internals/history.md. Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/desired.h"
#include "cluster/observed.h"
#include "cluster/plan.h"
#include "reconcile/loop.h"

namespace keyway::reconcile {

// A step in words.
struct FlightStep {
  std::string shard;  // empty: none in particular
  std::string kind;   // "promote"
  std::string what;   // "make p1-1 the primary of p1"
  std::string why;

  bool operator==(const FlightStep&) const = default;
};

struct FlightOutcome {
  int64_t at_ms = 0;  // wall clock
  FlightStep step;
  std::string error;   // empty: it was done
  std::string detail;  // "3,210 keys"; may be empty
};

struct FlightRecord {
  int64_t at_ms = 0;      // wall clock that the planner was given
  bool has_facts = true;  // false: only outcomes; `desired` to `problems` are empty
  cluster::Desired desired;
  cluster::Observed observed;
  std::vector<FlightStep> steps;  // as planned
  std::vector<std::string> waiting;
  std::vector<cluster::Problem> problems;
  std::vector<FlightOutcome> outcomes;
};

FlightStep in_words(const cluster::Step& step);

FlightRecord make_flight_record(const Tick& tick);

// One line without its line end.
std::string to_json_line(const FlightRecord& record);

// kCorrupt: not such a line, or one of a format of later versions.
Result<FlightRecord> parse_flight_record(std::string_view line);

// What today's planner does otherwise with the facts of `record`, a line each; empty: the same. Only for
// records that have facts.
std::vector<std::string> replay(const FlightRecord& record, const cluster::Policy& policy);

}  // namespace keyway::reconcile
