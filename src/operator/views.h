// What the operator keeps of the objects that it watches: as few fields as decisions need, for there may be
// thousands of them. Values; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "platform/kubernetes/object_meta.h"

namespace keyway::operators {

struct SmallMeta {
  std::string name;
  std::string name_space;
  std::string uid;
  std::string resource_version;
  int64_t generation = 0;
  std::string cluster;    // whose it is, out of its label; of a KeywayCluster: its name
  std::string shard;      // empty: of the cluster
  std::string owner_uid;  // of the KeywayCluster that controls it; empty: none does
  bool deleting = false;

  std::string key() const { return name_space + "/" + name; }
  // The cluster's key.
  std::string cluster_key() const { return name_space + "/" + cluster; }
  friend bool operator==(const SmallMeta&, const SmallMeta&) = default;
};

// A KeywayCluster. Both texts are JSON, as the object has them.
struct ClusterView {
  SmallMeta meta;
  std::string spec;
  std::string status;  // empty: none yet
  // By shard the pod that a person wants as its primary.
  std::map<std::string, std::string> switchovers = {};
  std::set<std::string> restarts = {};  // uids of pods that a person wants to be made anew
  friend bool operator==(const ClusterView&, const ClusterView&) = default;
};
Result<ClusterView> parse_cluster(std::string_view object);

// The StatefulSet of a shard, or the Deployment of a proxy.
struct SetView {
  SmallMeta meta;
  int64_t replicas = 0;  // wanted
  int64_t ready_replicas = 0;
  int64_t observed_generation = 0;
  std::string update_revision;
  std::string storage;  // of the template of its volume claims: "10Gi"; empty: it has none
  std::string storage_class;
  std::string mark;  // which of the operator's wishes it was applied as; empty: somebody else's
  friend bool operator==(const SetView&, const SetView&) = default;
};
Result<SetView> parse_set(std::string_view object);

// The annotation of a StatefulSet that is its mark.
inline constexpr std::string_view kMarkAnnotation = "keyway.dev/applied";

// A pod with a server.
struct ServerPod {
  SmallMeta meta;
  std::string revision;  // of the template that it was made of
  std::string image;     // of its server
  bool primary = false;  // by its label
  bool ready = false;
  bool running = false;      // its server's container
  bool has_run = false;      // that ran at some time
  std::string trouble;       // why it cannot run, in a word: "ImagePullBackOff"; empty: nothing is known
  std::string trouble_text;  // for people
  friend bool operator==(const ServerPod&, const ServerPod&) = default;
};
Result<ServerPod> parse_server_pod(std::string_view object);

// The number at the end of a pod's or a volume claim's name; nothing: it has none.
std::optional<int> ordinal_of(std::string_view name);

// A Lease over which agents agree. Its renewals change nothing here.
struct LeaseView {
  SmallMeta meta;
  std::string wanted;  // as cluster_lease.h has them; empty: none
  std::string report;
  friend bool operator==(const LeaseView&, const LeaseView&) = default;
};
Result<LeaseView> parse_lease_view(std::string_view object);

struct ClaimView {
  SmallMeta meta;
  std::string asked;  // "10Gi"
  std::string capacity;
  friend bool operator==(const ClaimView&, const ClaimView&) = default;
};
Result<ClaimView> parse_claim(std::string_view object);

// An object that is applied and of which nothing else matters. `mark` changes when somebody edits it.
struct KeptView {
  SmallMeta meta;
  std::string mark;
  friend bool operator==(const KeptView&, const KeptView&) = default;
};
Result<KeptView> parse_kept(std::string_view object);

inline constexpr std::string_view kUsersKey = "users.acl";

// The Secret with the users. Never kept in a cache.
struct SecretView {
  SmallMeta meta;
  std::string users;  // the text of users.acl; empty: it has none
};
Result<SecretView> parse_users_secret(std::string_view object);

}  // namespace keyway::operators
