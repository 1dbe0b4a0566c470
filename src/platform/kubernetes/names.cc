#include "platform/kubernetes/names.h"

namespace keyway::platform::kubernetes {

namespace {

std::string with_suffix(std::string name, std::string_view suffix) {
  if (!suffix.empty()) name.append("-").append(suffix);
  return name;
}

}  // namespace

std::string_view cluster_label(cluster::Mode mode) {
  return mode == cluster::Mode::kSharded ? kClusterLabel : kServerLabel;
}

std::string stateful_set_name(std::string_view partition, std::string_view suffix) {
  return with_suffix("redis-partition-" + std::string(partition), suffix);
}

std::string pod_name(std::string_view partition, std::string_view suffix, int index) {
  return stateful_set_name(partition, suffix) + "-" + std::to_string(index);
}

std::string service_name(std::string_view suffix) { return with_suffix("redis", suffix); }

std::string primary_service_name(std::string_view suffix) { return with_suffix("redis-primary", suffix); }

std::string proxy_name(std::string_view suffix) { return with_suffix("redis-proxy", suffix); }

std::string secret_name(std::string_view suffix) { return with_suffix("redis-etc", suffix); }

}  // namespace keyway::platform::kubernetes
