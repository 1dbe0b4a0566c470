// What the planner would do from here on: it is run against its own predictions until nothing is left to do.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/plan.h"

namespace keyway::cli {

struct ForeseenStep {
  int stage = 0;  // from 1; steps of one stage are carried out between two looks at the cluster
  cluster::Step step;
};

struct Foresight {
  std::vector<ForeseenStep> steps;         // without what only goes to the record
  std::vector<std::string> waiting;        // what it would wait for in the end, if it does not come to an end
  std::vector<cluster::Problem> problems;  // what a person must decide first
  bool converged = false;
};

Foresight foresee(cluster::Desired desired, cluster::Observed observed, int64_t now_ms);

}  // namespace keyway::cli
