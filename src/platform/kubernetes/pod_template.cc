#include "platform/kubernetes/pod_template.h"

#include <algorithm>

#include "base/strings.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/quantity.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr std::string_view kProgramFolder = "/opt/keyway";
constexpr std::string_view kProgramVolume = "keyway";
constexpr std::string_view kConfigVolume = "keyway-etc";
constexpr std::string_view kTemporaryVolume = "tmp";
// That of the stock images, after Keyway's folder: so that `kubectl exec POD -- redis-trib` finds it.
constexpr std::string_view kPath = "/opt/keyway:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// The user of the servers in the stock images, of Debian and of Alpine. The group is that of the volumes.
constexpr int kServerUser = 999;
constexpr int64_t kMarginS = 10;

std::string folder_of(std::string_view path) { return std::string(path.substr(0, path.rfind('/'))); }
std::string file_of(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

Value variable(std::string_view name, const std::string& value) {
  return fields({{"name", name}, {"value", value}});
}

Value variable_of_pod(std::string_view name, std::string_view field) {
  return fields({{"name", name}, {"valueFrom", fields({{"fieldRef", fields({{"fieldPath", field}})}})}});
}

Value environment(const ClusterObjects& cluster, const ShardObjects& shard) {
  Value variables = list({
      variable_of_pod(kPodNameVariable, "metadata.name"),
      variable_of_pod(kPodNamespaceVariable, "metadata.namespace"),
      variable_of_pod(kPodUidVariable, "metadata.uid"),
      variable_of_pod(kPodIpVariable, "status.podIP"),
      variable_of_pod(kNodeNameVariable, "spec.nodeName"),
      // Out of the label, since a kustomization may give it another value.
      variable_of_pod(kClusterVariable,
                      "metadata.labels['" + std::string(cluster_label(cluster.mode)) + "']"),
      variable(kModeVariable, std::string(to_string(cluster.mode))),
      variable(kShardVariable, shard.name),
  });
  if (!cluster.partitions.empty())
    variables.append(variable(kPartitionsVariable, join(cluster.partitions, ",")));
  if (cluster.tell_replicas) variables.append(variable(kReplicasVariable, std::to_string(shard.replicas)));
  if (shard.max_memory_bytes)
    variables.append(variable(kMaxMemoryVariable, std::to_string(*shard.max_memory_bytes)));
  // Before Kubernetes kills it.
  variables.append(variable(kGraceVariable, std::to_string((grace_period_s(shard) - kMarginS) * 1000)));
  variables.append(variable("PATH", std::string(kPath)));
  return variables;
}

Value probe(std::string_view path, int period_s, int timeout_s, int failures) {
  return fields({{"httpGet", fields({{"path", path}, {"port", "agent"}})},
                 {"periodSeconds", period_s},
                 {"timeoutSeconds", timeout_s},
                 {"failureThreshold", failures}});
}

Value ports(cluster::Mode mode) {
  Value all = list({fields({{"name", "redis"}, {"containerPort", kServerPort}})});
  if (mode == cluster::Mode::kSharded) all.append(fields({{"name", "bus"}, {"containerPort", kBusPort}}));
  return all.append(fields({{"name", "agent"}, {"containerPort", kAgentPort}}));
}

Value mount(std::string_view volume, std::string_view path, bool read_only) {
  return fields({{"name", volume}, {"mountPath", path}, {"readOnly", read_only ? Value(true) : Value()}});
}

// What is asked for in memory is what may be used at most: a server that the kernel kills for lack of memory
// loses more than the pods that could have been put beside it.
Value resources(const ShardObjects& shard) {
  const Value memory = shard.memory_limit_bytes ? Value(quantity_text(*shard.memory_limit_bytes)) : Value();
  Value given = fields(
      {{"requests", fields({{"cpu", milli_quantity_text(shard.cpu_request_milli)}, {"memory", memory}})}});
  if (!memory.is_none()) given.set("limits", fields({{"memory", memory}}));
  return given;
}

Value server_container(const ClusterObjects& cluster, const ShardObjects& shard) {
  return fields({
      {"name", kServerContainer},
      {"image", cluster.image},
      {"command", list({kProgram, "agent"})},
      {"env", environment(cluster, shard)},
      {"ports", ports(cluster.mode)},
      {"livenessProbe", probe(kLivePath, 10, 5, 6)},
      {"readinessProbe", probe(kReadyPath, 2, 2, 3)},
      {"resources", resources(shard)},
      {"securityContext", restricted_container()},
      {"volumeMounts",
       list({mount(kProgramVolume, kProgramFolder, true),
             mount(kConfigVolume, folder_of(kServerConfigFile), true),
             mount(kUsersVolume, folder_of(kUsersFile), true), mount(kDataVolume, kDataFolder, false),
             mount(kTemporaryVolume, "/tmp", false)})},
  });
}

// The image's entry point is this program, which copies itself.
Value copying_container(const ClusterObjects& cluster) {
  return fields({
      {"name", "copy-keyway"},
      {"image", cluster.keyway_image},
      {"args", list({"copy-program", kProgramFolder})},
      {"resources", fields({{"requests", fields({{"cpu", "10m"}, {"memory", "16Mi"}})},
                            {"limits", fields({{"memory", "64Mi"}})}})},
      {"securityContext", restricted_container()},
      {"volumeMounts", list({mount(kProgramVolume, kProgramFolder, false)})},
  });
}

Value volumes(const ClusterObjects& cluster, const ShardObjects& shard) {
  const Naming& naming = cluster.naming;
  Value all = list({
      fields({{"name", kProgramVolume}, {"emptyDir", fields({})}}),
      fields({{"name", kTemporaryVolume}, {"emptyDir", fields({})}}),
      fields({{"name", kConfigVolume}, {"configMap", fields({{"name", service_name(naming.suffix)}})}}),
      fields({{"name", kUsersVolume},
              {"secret", fields({{"secretName", secret_name(naming.suffix)},
                                 {"defaultMode", kReadableByGroup},
                                 {"items", list({fields({{"key", file_of(kUsersFile)},
                                                         {"path", file_of(kUsersFile)}})})}})}}),
  });
  if (!shard.storage_bytes) all.append(fields({{"name", kDataVolume}, {"emptyDir", fields({})}}));
  return all;
}

// Two servers of one shard on one node would go together, so that is never; the rest is preferred only, since
// a server in a zone with another of its shard is better than none.
Value affinity(const ClusterObjects& cluster, const ShardObjects& shard) {
  const Value apart =
      fields({{"labelSelector", fields({{"matchLabels", shard_selector(cluster, shard.name)}})},
              {"topologyKey", "kubernetes.io/hostname"}});
  return fields(
      {{"podAntiAffinity", fields({{"requiredDuringSchedulingIgnoredDuringExecution", list({apart})}})}});
}

Value spread(std::string_view over, Value labels) {
  return fields({{"topologyKey", over},
                 {"maxSkew", 1},
                 {"whenUnsatisfiable", "ScheduleAnyway"},
                 {"labelSelector", fields({{"matchLabels", std::move(labels)}})}});
}

}  // namespace

int64_t grace_period_s(const ShardObjects& shard) {
  constexpr int64_t kLeastS = 120;
  constexpr int64_t kMostS = 3600;
  constexpr int64_t kPerGibibyteS = 10;
  const int64_t memory_bytes = shard.memory_limit_bytes.value_or(0);
  return std::min(kMostS, kLeastS + (memory_bytes >> 30) * kPerGibibyteS);
}

Value restricted_container() {
  return fields({{"allowPrivilegeEscalation", false},
                 {"readOnlyRootFilesystem", true},
                 {"capabilities", fields({{"drop", list({"ALL"})}})}});
}

Value restricted_pod() {
  return fields({{"runAsNonRoot", true},
                 {"runAsUser", kServerUser},
                 {"runAsGroup", kServerUser},
                 {"seccompProfile", fields({{"type", "RuntimeDefault"}})}});
}

Value pod_template(const ClusterObjects& cluster, const ShardObjects& shard) {
  const Value of_cluster =
      fields({{cluster_label(cluster.mode), cluster.naming.cluster}, {kRoleLabel, kPartitionRole}});
  // A volume with millions of files is not walked through at each start.
  Value security = restricted_pod().set("fsGroup", kServerUser).set("fsGroupChangePolicy", "OnRootMismatch");
  return fields({
      {"metadata", fields({{"labels", shard_labels(cluster, shard.name)}})},
      {"spec", fields({
                   {"serviceAccountName", stateful_set_name(shard.name, cluster.naming.suffix)},
                   {"enableServiceLinks", false},
                   {"terminationGracePeriodSeconds", grace_period_s(shard)},
                   {"securityContext", std::move(security)},
                   {"affinity", affinity(cluster, shard)},
                   {"topologySpreadConstraints",
                    list({spread("topology.kubernetes.io/zone", shard_selector(cluster, shard.name)),
                          spread("kubernetes.io/hostname", of_cluster)})},
                   {"initContainers", list({copying_container(cluster)})},
                   {"containers", list({server_container(cluster, shard)})},
                   {"volumes", volumes(cluster, shard)},
               })},
  });
}

}  // namespace keyway::platform::kubernetes
