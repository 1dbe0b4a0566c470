// A snapshot in order: the spec read, each shard with what belongs to it, what the agents report, what the
// status said before. Pure; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "operator/snapshot.h"
#include "platform/kubernetes/cluster_lease.h"
#include "platform/kubernetes/whole_cluster.h"

namespace keyway::operators {

// What the object's status said.
struct PriorStatus {
  struct Condition {
    std::string status;
    std::string since;
  };
  std::string mode;    // of the spec that was carried out last; empty: none was yet
  std::string engine;  // its kind
  int64_t last_outcome = 0;
  std::map<std::string, Condition> conditions;
};
PriorStatus read_status(std::string_view json);

// A shard that is wanted, or that is still there.
struct ShardSight {
  const platform::kubernetes::ShardObjects* wanted = nullptr;  // null: it is not
  std::string mark;                                            // that its set shall bear
  const SetView* set = nullptr;                                // null: there is none (yet, or any more)
  std::vector<const ServerPod*> pods;                          // by their ordinal
  std::vector<const ClaimView*> claims;
  const platform::kubernetes::Report::Shard* report = nullptr;

  // The pod that is the primary, if its label or the report says so.
  bool is_primary(const ServerPod& pod) const;
  // As many pods as the set wants, all of them ready.
  bool whole() const;
};

// Its shards point into it: it may be moved, not copied.
struct Sight {
  Sight() = default;
  Sight(Sight&&) = default;
  Sight& operator=(Sight&&) = default;
  Sight(const Sight&) = delete;
  Sight& operator=(const Sight&) = delete;

  const Snapshot* snapshot = nullptr;
  cluster::Spec spec;
  platform::kubernetes::WholeCluster whole;
  std::optional<platform::kubernetes::Report> report;
  PriorStatus prior;
  std::map<std::string, ShardSight> shards;

  const SmallMeta& meta() const { return snapshot->cluster.meta; }
  // The report is about the present spec.
  bool report_is_current() const { return report && report->generation == meta().generation; }
  // The agents have carried out what they can and see nothing wrong.
  bool well() const { return report_is_current() && report->formed && report->problems.empty(); }
  bool owns(const SmallMeta& object) const { return object.owner_uid == meta().uid; }
};

// What does not come from objects.
struct Surroundings {
  std::string keyway_image;
  std::string policy_version = "v1";  // of PodDisruptionBudget
};

// `snapshot` outlives what is given. kInvalidArgument: what is wrong with the spec, beginning with the field.
Result<Sight> see(const Snapshot& snapshot, const Surroundings& surroundings);

// As much of it as does not need the spec: for the status of a cluster whose spec is refused.
Sight see_without_spec(const Snapshot& snapshot);

}  // namespace keyway::operators
