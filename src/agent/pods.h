// What an agent needs of the API server: the pods of its cluster, Leases, and its own marks on its pod. The
// seam between the agent and Kubernetes; in tests, and on one machine, a folder takes its place
// (agent/folder_registry.h). Calls block, for seconds at most; one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "platform/kubernetes/lease.h"

namespace keyway::agent {

enum class RoleMark { kNone, kReplica, kPrimary };  // the label shard-role

struct Pod {
  std::string name;
  std::string uid;
  std::string shard;
  Address server;  // empty host: it has no address yet
  Address http;
  RoleMark role = RoleMark::kNone;
  std::string node_id;  // sharded mode: of its server, as its agent has written it; empty: not yet
  bool ending = false;  // it has been told to end

  bool operator==(const Pod&) const = default;
};

// One holder at a time, as long as the holder renews it. Others judge by their own clocks whether it still
// does: a Lease whose holding was not changed for `duration_ms` has no holder any more. An empty
// resource_version: it does not exist yet.
struct Lease : platform::kubernetes::LeaseRecord {
  std::string name;
  std::string note;    // of whoever held it last; kept through changes of holder
  std::string report;  // the same, for the operator; see platform/kubernetes/cluster_lease.h
  std::string wanted;  // the operator's, never written here
};

// The number at the end of "redis-partition-p1-app-2"; nothing: there is none.
std::optional<int64_t> ordinal_of(std::string_view pod);

// Names of one StatefulSet's pods in order: "p-10" after "p-2".
bool earlier_pod(const std::string& left, const std::string& right);

class Registry {
 public:
  virtual ~Registry() = default;

  // Those of the cluster, in order of their names.
  virtual Result<std::vector<Pod>> pods() = 0;

  // None: it does not exist.
  virtual Result<std::optional<Lease>> lease(const std::string& name) = 0;
  // Creates it or writes holding, note and report (unless it is empty) into the one with the same version,
  // and leaves alone what else is in it; gives it as it is then. kConflict: somebody has written it since.
  virtual Result<Lease> put_lease(const Lease& lease) = 0;

  virtual Status mark_role(const std::string& pod, RoleMark role) = 0;
  // On the agent's own pod.
  virtual Status mark_node_id(const std::string& id) = 0;
};

}  // namespace keyway::agent
