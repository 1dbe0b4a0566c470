// What applying another spec would do to a cluster on Kubernetes: which objects change, which pods are made
// anew in which order, how many slots move where. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/kubectl/pod_cluster.h"
#include "cluster/spec.h"

namespace keyway::cli {

struct ObjectChange {
  enum class Kind { kCreate, kChange, kRemove };
  Kind kind = Kind::kChange;
  std::string object;  // "StatefulSet redis-partition-p1-app"
  std::string note;    // what follows from it; may be empty
};

struct SlotsMoved {
  std::string from;
  std::string to;
  int slots = 0;
};

struct ChangePlan {
  std::vector<ObjectChange> objects;
  std::vector<std::string> new_pods;  // those that are made anew, in that order
  std::vector<SlotsMoved> moves;
  std::vector<std::string> notes;

  bool empty() const { return objects.empty() && moves.empty(); }
};

// From the spec that there is (none: the cluster is new) to another one. `present` says which pods are
// primaries and how many slots each shard owns. Errors: a change that is refused, and names that are too
// long.
Result<ChangePlan> plan_spec_change(const std::optional<cluster::Spec>& from, const cluster::Spec& to,
                                    const PodCluster& present, const std::string& name_space);

}  // namespace keyway::cli
