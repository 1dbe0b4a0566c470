// What a server has: its version, and which groups of its API in which versions. Asked for once at the start
// and again when a type is not found any more. A value; any thread.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "platform/kubernetes/api_client.h"

namespace keyway::platform::kubernetes {

struct ApiVersions {
  std::string server;  // "v1.30.2"
  int minor = 0;       // 30; 0: not told
  std::map<std::string, std::vector<std::string>, std::less<>>
      groups;                    // versions by group, the preferred first
  std::string eviction_version;  // of policy, for pods/eviction; empty: it has no evictions

  bool has(std::string_view group, std::string_view version) const;
  // The first of `versions` that the server has; empty: none.
  std::string_view first_of(std::string_view group, std::initializer_list<std::string_view> versions) const;
};

ApiResult<ApiVersions> discover(ApiClient& client);

// Whether `type` is there, as after the making of a CRD it is not at once. Errors: those of any request.
ApiResult<bool> has_resource(ApiClient& client, const ResourceType& type);

// PodDisruptionBudgets in the best version that the server has.
ResourceType disruption_budgets(const ApiVersions& versions);

}  // namespace keyway::platform::kubernetes
