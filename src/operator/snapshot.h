// One cluster as the API server's watches show it, and what a decision about it consists of. Values; any
// thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "operator/views.h"
#include "platform/kubernetes/resource.h"
#include "platform/kubernetes/value.h"

namespace keyway::operators {

// A kept object and its type.
struct KeptObject {
  const platform::kubernetes::ResourceType* type = nullptr;
  KeptView view;
};

struct Snapshot {
  ClusterView cluster;
  std::vector<SetView> sets;
  std::vector<ServerPod> pods;
  std::vector<LeaseView> leases;
  std::vector<ClaimView> claims;
  std::optional<SetView> proxy;
  std::vector<KeptObject> kept;  // all others that bear the cluster's label
  std::optional<SecretView> secret;
};

// To be in the cluster as it stands here: applied where something differs.
struct WantedObject {
  const platform::kubernetes::ResourceType* type = nullptr;
  std::string name;
  std::string object;  // JSON
};

// What the agents are to be told: a Lease without a holder if there is none, else a merge patch of it.
struct PutWanted {
  std::string lease;
  std::string object;  // JSON
};
struct PutUsers {
  std::string secret;
  std::string object;            // JSON
  std::string resource_version;  // of the one that it replaces; empty: there is none
};
// An object goes away if it is still this one.
struct DeleteObject {
  const platform::kubernetes::ResourceType* type = nullptr;
  std::string name;
  std::string uid;
  std::string resource_version = {};  // and still as it was seen; empty: whatever has changed
  bool orphan = false;                // what belongs to it stays
  // And if the API server says that there is none of these: that a watch does not show them is no evidence.
  std::vector<std::pair<const platform::kubernetes::ResourceType*, std::string>> only_without = {};
};
struct GrowClaim {
  std::string name;
  std::string uid;
  std::string size;
};
// Whether the claim goes away with the KeywayCluster.
struct OwnClaim {
  std::string name;
  std::string uid;
  bool owned = false;
};
using Action = std::variant<PutWanted, PutUsers, DeleteObject, GrowClaim, OwnClaim>;

// Told to people once: `id` is the same whenever it is the same event.
struct Event {
  std::string id;
  bool warning = false;
  std::string reason;
  std::string message;
};

struct Deed {
  Action action;
  std::optional<Event> event;  // when it has been done
};

// What stands in the way, or is going on; the first of them is what people are told.
struct Remark {
  std::string reason;
  std::string message;
};

// How the cluster is, as far as the agents and pods tell.
struct Outlook {
  bool known = false;  // else nothing of the following is
  std::string mode;    // of the spec that is carried out
  std::string engine;
  bool sharded = true;
  bool reported = false;
  bool formed = false;
  int shards = 0;                          // that there are
  std::vector<std::string> wanted;         // those of the spec
  std::vector<std::string> not_serving;    // of these: take no writes
  std::vector<std::string> not_redundant;  // of these: have fewer copies than the spec wants
  bool wants_replicas = true;              // of all shards
  int64_t slots_assigned = 0;
  int64_t slots_served = 0;
  int64_t last_outcome = 0;
  std::string version;  // of the servers
  std::string selector;
};

struct Decision {
  std::optional<Remark> refused;  // why the spec is not carried out; nothing is applied then
  // Shards and the pods that shall become their primaries, lest a pod that goes is one.
  std::map<std::string, std::string> switchovers;
  std::vector<Deed> before;  // the objects
  std::vector<WantedObject> objects;
  std::vector<Deed> after;
  std::vector<Event> events;
  std::vector<Remark> doing;     // what makes the cluster unlike its spec
  std::vector<Remark> troubles;  // what a person should look at
  std::optional<Remark> users;   // why the users are not those of the spec; nothing: they are
  Outlook outlook;
};

}  // namespace keyway::operators
