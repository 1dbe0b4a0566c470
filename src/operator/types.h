// The types of objects that the operator has to do with beside those of the client. Values; any thread.
#pragma once

#include <array>
#include <string_view>

#include "platform/kubernetes/names.h"
#include "platform/kubernetes/resource.h"

namespace keyway::operators {

using platform::kubernetes::ResourceType;

inline constexpr ResourceType kKeywayClusters{platform::kubernetes::kApiGroup,
                                              platform::kubernetes::kApiVersion,
                                              platform::kubernetes::kResource, platform::kubernetes::kKind};
inline constexpr ResourceType kRoles{"rbac.authorization.k8s.io", "v1", "roles", "Role"};
inline constexpr ResourceType kRoleBindings{"rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"};
inline constexpr ResourceType kBudgets{"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"};
inline constexpr ResourceType kOldBudgets{"policy", "v1beta1", "poddisruptionbudgets", "PodDisruptionBudget"};

// The types of everything that is applied, in both versions of what has two.
inline constexpr std::array<const ResourceType*, 9> kAppliedTypes = {&platform::kubernetes::kServices,
                                                                     &platform::kubernetes::kConfigMaps,
                                                                     &platform::kubernetes::kServiceAccounts,
                                                                     &kRoles,
                                                                     &kRoleBindings,
                                                                     &kBudgets,
                                                                     &kOldBudgets,
                                                                     &platform::kubernetes::kStatefulSets,
                                                                     &platform::kubernetes::kDeployments};

}  // namespace keyway::operators
