#include "platform/kubernetes/proxy_objects.h"

#include "base/format.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/pod_template.h"
#include "platform/kubernetes/quantity.h"

namespace keyway::platform::kubernetes {

namespace {

Value selector(const ClusterObjects& cluster) {
  return fields({{cluster_label(cluster.mode), cluster.naming.cluster}, {kRoleLabel, kProxyRole}});
}

Value labels(const ClusterObjects& cluster) { return selector(cluster).set(kManagedByLabel, kManager); }

// It looks at the cluster by way of any node, those that are known to be well first.
Value arguments(const ClusterObjects& cluster, const ProxyObjects& proxy) {
  const std::string suffix = cluster.naming.final_suffix.value_or(cluster.naming.suffix);
  Value words =
      list({"proxy", "--listen", fmt::format("0.0.0.0:{}", kServerPort), "--metrics",
            fmt::format("0.0.0.0:{}", kAgentPort), "--log-format", "json", "--password-file", kUsersFile});
  if (!proxy.user.empty()) words.append("--user").append(proxy.user).append("--open");
  return words.append(fmt::format("{}:{}", primary_service_name(suffix), kServerPort))
      .append(fmt::format("{}:{}", service_name(suffix), kServerPort));
}

Value probe(std::string_view path, int period_s, int failures) {
  return fields({{"httpGet", fields({{"path", path}, {"port", "metrics"}})},
                 {"periodSeconds", period_s},
                 {"timeoutSeconds", 2},
                 {"failureThreshold", failures}});
}

Value container(const ClusterObjects& cluster, const ProxyObjects& proxy) {
  const std::string memory = quantity_text(proxy.memory_limit_bytes);
  return fields({
      {"name", "proxy"},
      {"image", cluster.keyway_image},
      {"args", arguments(cluster, proxy)},
      {"ports", list({fields({{"name", "redis"}, {"containerPort", kServerPort}}),
                      fields({{"name", "metrics"}, {"containerPort", kAgentPort}})})},
      {"livenessProbe", probe("/healthz", 10, 6)},
      {"readinessProbe", probe("/readyz", 2, 2)},
      {"resources", fields({{"requests", fields({{"cpu", milli_quantity_text(proxy.cpu_request_milli)},
                                                 {"memory", memory}})},
                            {"limits", fields({{"memory", memory}})}})},
      {"securityContext", restricted_container()},
      {"volumeMounts",
       list({fields({{"name", kUsersVolume}, {"mountPath", "/etc/redis"}, {"readOnly", true}})})},
  });
}

Value pod(const ClusterObjects& cluster, const ProxyObjects& proxy) {
  const Value apart = fields({{"topologyKey", "kubernetes.io/hostname"},
                              {"maxSkew", 1},
                              {"whenUnsatisfiable", "ScheduleAnyway"},
                              {"labelSelector", fields({{"matchLabels", selector(cluster)}})}});
  const Value users = fields(
      {{"name", kUsersVolume},
       {"secret", fields({{"secretName", secret_name(cluster.naming.suffix)},
                          {"defaultMode", kReadableByGroup},
                          {"items", list({fields({{"key", "users.acl"}, {"path", "users.acl"}})})}})}});
  return fields({{"automountServiceAccountToken", false},
                 {"enableServiceLinks", false},
                 {"terminationGracePeriodSeconds", 60},
                 // Its files belong to this group, so that it may read the users.
                 {"securityContext", restricted_pod().set("fsGroup", restricted_pod()["runAsGroup"])},
                 {"topologySpreadConstraints", list({apart})},
                 {"containers", list({container(cluster, proxy)})},
                 {"volumes", list({users})}});
}

}  // namespace

std::vector<Value> proxy_objects(const ClusterObjects& cluster, const ProxyObjects& proxy,
                                 std::string_view policy_version) {
  const Value about = metadata(cluster, proxy_name(cluster.naming.suffix), labels(cluster));
  const Value selects = fields({{"matchLabels", selector(cluster)}});
  return {
      fields({{"apiVersion", "apps/v1"},
              {"kind", "Deployment"},
              {"metadata", about},
              {"spec", fields({{"replicas", proxy.replicas},
                               {"revisionHistoryLimit", 3},
                               {"selector", selects},
                               {"template", fields({{"metadata", fields({{"labels", labels(cluster)}})},
                                                    {"spec", pod(cluster, proxy)}})}})}}),
      fields({{"apiVersion", "v1"},
              {"kind", "Service"},
              {"metadata", about},
              {"spec", fields({{"selector", selector(cluster)},
                               {"ports", list({fields({{"name", "redis"},
                                                       {"protocol", "TCP"},
                                                       {"port", proxy.port},
                                                       {"targetPort", "redis"}})})}})}}),
      fields({{"apiVersion", "policy/" + std::string(policy_version)},
              {"kind", "PodDisruptionBudget"},
              {"metadata", about},
              {"spec", fields({{"maxUnavailable", 1}, {"selector", selects}})}}),
  };
}

}  // namespace keyway::platform::kubernetes
