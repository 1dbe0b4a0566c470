// The names that everyone who has to do with a cluster's Kubernetes objects agrees on: who makes the objects,
// the agent inside the pods, the operator. People know most of them from their own manifests and scripts, so
// none of them changes. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "cluster/spec.h"

namespace keyway::platform::kubernetes {

// Labels of pods and of what belongs to them. A replicated server has kServerLabel, a sharded cluster has
// kClusterLabel; the value is the cluster's name.
inline constexpr std::string_view kServerLabel = "server";
inline constexpr std::string_view kClusterLabel = "cluster";
inline constexpr std::string_view kPartitionLabel = "partition";  // the shard's name
inline constexpr std::string_view kRoleLabel = "role";
inline constexpr std::string_view kPartitionRole = "partition-shard";  // kRoleLabel of a pod with a server
inline constexpr std::string_view kProxyRole = "proxy";                // and of one with a proxy
// The agent keeps it right: "primary" on one pod of a shard, at most; "replica" on the others.
inline constexpr std::string_view kShardRoleLabel = "shard-role";
inline constexpr std::string_view kShardRolePrimary = "primary";
inline constexpr std::string_view kShardRoleReplica = "replica";
// On everything that Keyway makes, so that it can be listed and watched by that alone.
inline constexpr std::string_view kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kManager = "keyway";  // also the field manager of what is applied

// kServerLabel or kClusterLabel.
std::string_view cluster_label(cluster::Mode mode);

// Objects. `suffix` is the cluster's name; without one, what is printed is for somebody's own kustomization,
// which adds it.
std::string stateful_set_name(std::string_view partition,
                              std::string_view suffix);  // also the shard's Lease,
// its disruption budget, and the account of its pods with its role
std::string pod_name(std::string_view partition, std::string_view suffix, int index);
std::string service_name(std::string_view suffix);          // headless: every pod; also the ConfigMap and the
                                                            // Lease of the whole cluster
std::string primary_service_name(std::string_view suffix);  // the pods that are primaries
std::string proxy_name(std::string_view suffix);            // Deployment and Service
std::string secret_name(std::string_view suffix);           // users.acl

// A StatefulSet's name has so many letters at most: its pods bear it in a label, with a revision behind it.
inline constexpr size_t kMaxStatefulSetName = 52;

// The pod. Its first process is `kProgram agent`.
inline constexpr std::string_view kServerContainer = "redis";
inline constexpr std::string_view kProgram = "/opt/keyway/keyway";
inline constexpr std::string_view kServerConfigFile = "/etc/keyway/server.conf";  // from the ConfigMap
inline constexpr std::string_view kUsersFile = "/etc/redis/users.acl";            // from the Secret
inline constexpr std::string_view kUsersVolume = "redis-etc";                     // that it is mounted as
inline constexpr std::string_view kDataFolder = "/data";
inline constexpr std::string_view kDataVolume = "data";

inline constexpr int kServerPort = 6379;
inline constexpr int kBusPort = 16379;
inline constexpr int kAgentPort = 9121;  // HTTP
inline constexpr std::string_view kLivePath = "/livez";
inline constexpr std::string_view kReadyPath = "/readyz";
inline constexpr std::string_view kMetricsPath = "/metrics";
inline constexpr std::string_view kRolePath = "/role";

// What the agent finds in its environment.
inline constexpr std::string_view kPodNameVariable = "POD_NAME";
inline constexpr std::string_view kPodNamespaceVariable = "POD_NAMESPACE";
inline constexpr std::string_view kPodIpVariable = "POD_IP";
inline constexpr std::string_view kPodUidVariable = "POD_UID";
inline constexpr std::string_view kNodeNameVariable = "NODE_NAME";
inline constexpr std::string_view kClusterVariable = "KEYWAY_CLUSTER";        // its name, out of the label
inline constexpr std::string_view kModeVariable = "KEYWAY_MODE";              // "replicated" or "sharded"
inline constexpr std::string_view kShardVariable = "KEYWAY_SHARD";            // the partition's name
inline constexpr std::string_view kPartitionsVariable = "KEYWAY_PARTITIONS";  // "p1,p2,p3"; absent: not known
inline constexpr std::string_view kReplicasVariable = "KEYWAY_REPLICAS";      // of this shard
// maxmemory of this shard's servers; absent: no limit. Outweighs what kServerConfigFile says, which is one
// text for all shards.
inline constexpr std::string_view kMaxMemoryVariable = "KEYWAY_MAXMEMORY_BYTES";

// How long the agent may take from SIGTERM to its end.
inline constexpr std::string_view kGraceVariable = "KEYWAY_GRACE_MS";

// Where objects go that name no namespace, unless kubectl is told otherwise.
inline constexpr std::string_view kDefaultNamespace = "default";

// The KeywayCluster resource.
inline constexpr std::string_view kApiGroup = "keyway.dev";
inline constexpr std::string_view kApiVersion = "v1alpha1";
inline constexpr std::string_view kResource = "keywayclusters";
inline constexpr std::string_view kKind = "KeywayCluster";

}  // namespace keyway::platform::kubernetes
