// Types of objects and the paths at which the API server has them. Values; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keyway::platform::kubernetes {

// The texts have to live for ever: they are constants.
struct ResourceType {
  std::string_view group;  // empty: the core
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = true;

  std::string api_version() const;  // "apps/v1", "v1"
};

inline constexpr ResourceType kPods{"", "v1", "pods", "Pod"};
inline constexpr ResourceType kServices{"", "v1", "services", "Service"};
inline constexpr ResourceType kConfigMaps{"", "v1", "configmaps", "ConfigMap"};
inline constexpr ResourceType kSecrets{"", "v1", "secrets", "Secret"};
inline constexpr ResourceType kVolumeClaims{"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"};
inline constexpr ResourceType kServiceAccounts{"", "v1", "serviceaccounts", "ServiceAccount"};
inline constexpr ResourceType kEvents{"", "v1", "events", "Event"};
inline constexpr ResourceType kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline constexpr ResourceType kNodes{"", "v1", "nodes", "Node", false};
inline constexpr ResourceType kStatefulSets{"apps", "v1", "statefulsets", "StatefulSet"};
inline constexpr ResourceType kDeployments{"apps", "v1", "deployments", "Deployment"};
inline constexpr ResourceType kLeases{"coordination.k8s.io", "v1", "leases", "Lease"};

using QueryParameters = std::vector<std::pair<std::string_view, std::string>>;

// "/apis/apps/v1/namespaces/data/statefulsets/app-0/scale?…", everything escaped. An empty `name_space`: all
// of them, or a type that has none; an empty `name`: the collection; `subresource` may be empty.
std::string path_of(const ResourceType& type, std::string_view name_space, std::string_view name,
                    std::string_view subresource = "", const QueryParameters& query = {});

// "pods data/app-0", as messages say it.
std::string words_of(const ResourceType& type, std::string_view name_space, std::string_view name);

}  // namespace keyway::platform::kubernetes
