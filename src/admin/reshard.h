// reshard and rebalance: decide what moves, show it, ask, move.
#pragma once

#include <functional>
#include <map>

#include "admin/move.h"

namespace keyway::admin {

// What both have in common.
struct ChangeOptions {
  bool dry_run = false;
  bool yes = false;  // do not ask
  MoveOptions moving;
  // Shown before the question is put (and by a dry run as the result).
  std::function<void(const MovePlan& plan)> show_plan;
};

struct ReshardOptions {
  std::vector<std::string> from;  // nodes as find_node takes them; empty: all other primaries with slots
  std::string to;
  int slots = 0;
  ChangeOptions change;
};

enum class LoadKind { kSlots, kMemory, kOps };

struct RebalanceOptions {
  // Node: weight; not named: 1. Who is named takes part even if it is empty.
  std::map<std::string, double> weights;
  bool use_empty_primaries = false;
  double threshold_percent = 2;
  LoadKind by = LoadKind::kSlots;
  ChangeOptions change;
};

// Both refuse a cluster whose slots are open, uncovered or disputed (kConflict: run fix first), except for
// what their own interrupted run left, which they finish, and while another command that uses the same
// journal folder moves slots of the cluster (kConflict). Exactly `slots` slots move, or none and an error; a
// reshard that goes on where one of the same words was interrupted moves what that one did not.
Result<MoveResult> reshard(Session& session, const Address& seed, const ReshardOptions& options);
Result<MoveResult> rebalance(Session& session, const Address& seed, const RebalanceOptions& options);

}  // namespace keyway::admin
