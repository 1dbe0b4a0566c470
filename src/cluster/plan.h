// The planner: a pure function from what is desired and what was observed to the next safe steps. See
// docs/internals/planner.md for the rules and why they hold.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/desired.h"
#include "cluster/observed.h"
#include "cluster/step.h"

namespace keyway::cluster {

struct Policy {
  int64_t unresponsive_ms =
      5000;                   // a running but silent primary is fenced after this, if a replica can take over
  int64_t vote_ms = 300;      // a replica that was not elected in this time takes over without a vote
  int max_failed_starts = 3;  // after so many, a node whose data cannot be loaded is no longer tried with it
  int max_moves = 2;          // pairs of primaries between which slots move at once
};

// Something that only a person can decide or repair.
struct Problem {
  std::string shard;  // may be empty
  std::string node;   // may be empty
  std::string text;   // what is wrong and what to do
};

struct Plan {
  std::vector<Step> steps;           // safe to be carried out now, in this order; then look again
  std::vector<std::string> waiting;  // why it is not done though there is nothing to do now
  std::vector<Problem> problems;

  // Nothing to do, nothing to wait for, no one to ask.
  bool converged() const { return steps.empty() && waiting.empty() && problems.empty(); }
};

// No clock, no I/O, no randomness. `now_ms` is the wall clock of the observation. For every shard at most one
// disruptive step.
Plan plan(const Desired& desired, const Observed& observed, const Policy& policy, int64_t now_ms);

// The replica of `shard` that should take over if its primary went now: in sync first, then the greatest
// offset. Null if none.
const NodeFacts* best_replica(const Observed& observed, Mode mode, std::string_view shard);

// The node that is the primary of `shard` now: sharded, the one of its nodes that owns slots (or should);
// replicated, the one that takes writes. Null if there is none.
const NodeFacts* primary_of(const Observed& observed, Mode mode, std::string_view shard);

// Health of a node, of a shard and of the whole as people read it: "ok", "loading", "syncing", "down", …; for
// status.
std::string_view health(const NodeFacts& node, Mode mode);

// `observed` as it will be once `action` has worked: what the plan command and the property tests run the
// planner against.
void predict(Observed& observed, const Desired& desired, const Action& action, int64_t now_ms);

}  // namespace keyway::cluster
