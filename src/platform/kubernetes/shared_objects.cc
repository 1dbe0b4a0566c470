#include "platform/kubernetes/shared_objects.h"

#include "base/format.h"
#include "platform/kubernetes/names.h"
#include "platform/local/server_config.h"

namespace keyway::platform::kubernetes {

namespace {

Value port(std::string_view name, int number, std::string_view target) {
  // The protocol is said because old API servers (1.20) do not merge ports without one.
  return fields({{"name", name}, {"protocol", "TCP"}, {"port", number}, {"targetPort", target}});
}

Value pod_selector(const ClusterObjects& cluster) {
  return fields({{cluster_label(cluster.mode), cluster.naming.cluster}, {kRoleLabel, kPartitionRole}});
}

Value service(const ClusterObjects& cluster, std::string name, Value spec) {
  return fields({{"apiVersion", "v1"},
                 {"kind", "Service"},
                 {"metadata", metadata(cluster, std::move(name), cluster_labels(cluster))},
                 {"spec", std::move(spec)}});
}

std::string server_config_text(const cluster::ServerConfig& config) {
  std::string text = "# What all servers of the cluster run with beside what Keyway's agent sets itself.\n";
  for (const auto& [directive, value] : config) {
    if (directive == "maxmemory") continue;
    text += fmt::format("{} {}\n", directive, local::quote_value(directive, value));
  }
  return text;
}

}  // namespace

Value headless_service(const ClusterObjects& cluster) {
  Value ports = list({port("redis", kServerPort, "redis")});
  if (cluster.mode == cluster::Mode::kSharded) ports.append(port("bus", kBusPort, "bus"));
  ports.append(port("agent", kAgentPort, "agent"));
  return service(cluster, service_name(cluster.naming.suffix),
                 fields({{"clusterIP", "None"},
                         {"publishNotReadyAddresses", true},
                         {"selector", pod_selector(cluster)},
                         {"ports", std::move(ports)}}));
}

Value primary_service(const ClusterObjects& cluster) {
  return service(cluster, primary_service_name(cluster.naming.suffix),
                 fields({{"selector", pod_selector(cluster).set(kShardRoleLabel, kShardRolePrimary)},
                         {"ports", list({port("redis", kServerPort, "redis")})}}));
}

Value config_map(const ClusterObjects& cluster) {
  return fields(
      {{"apiVersion", "v1"},
       {"kind", "ConfigMap"},
       {"metadata", metadata(cluster, service_name(cluster.naming.suffix), cluster_labels(cluster))},
       {"data", fields({{"server.conf", server_config_text(cluster.config)}})}});
}

}  // namespace keyway::platform::kubernetes
