#include "platform/kubernetes/api_versions.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "platform/kubernetes/json_scan.h"

namespace keyway::platform::kubernetes {

namespace {

ApiRequest plain_get(std::string path) {
  std::string what = "get " + path;
  return {.method = "GET", .path = std::move(path), .what = std::move(what)};
}

ApiResult<std::string> ask(ApiClient& client, std::string path) {
  return client.call(plain_get(std::move(path)));
}

// Calls `take` with each element of the list `name` in `object`.
template <typename Take>
void each(std::string_view object, std::string_view name, Take take) {
  (void)for_each_element(find_json(object, name), [&](std::string_view value) {
    take(value);
    return Status();
  });
}

std::string text(std::string_view object, std::string_view path) {
  return json_string(find_json(object, path));
}

// "20", "27+".
int minor_of(const std::string& text) {
  int minor = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), minor);
  return minor;
}

void read_group(std::string_view group, ApiVersions& versions) {
  std::vector<std::string>& known = versions.groups[text(group, "name")];
  std::string preferred = text(group, "preferredVersion.version");
  if (!preferred.empty()) known.push_back(preferred);
  each(group, "versions", [&](std::string_view one) {
    std::string version = text(one, "version");
    if (!version.empty() && version != preferred) known.push_back(std::move(version));
  });
}

std::string resources_path(const ResourceType& type) {
  return type.group.empty() ? fmt::format("/api/{}", type.version)
                            : fmt::format("/apis/{}/{}", type.group, type.version);
}

}  // namespace

bool ApiVersions::has(std::string_view group, std::string_view version) const {
  auto found = groups.find(group);
  return found != groups.end() &&
         std::find(found->second.begin(), found->second.end(), version) != found->second.end();
}

std::string_view ApiVersions::first_of(std::string_view group,
                                       std::initializer_list<std::string_view> versions) const {
  for (std::string_view version : versions) {
    if (has(group, version)) return version;
  }
  return "";
}

ApiResult<ApiVersions> discover(ApiClient& client) {
  ApiVersions versions;
  ApiResult<std::string> server = ask(client, "/version");
  // Some servers tell it to nobody.
  if (!server && server.error().code != ApiCode::kForbidden && server.error().code != ApiCode::kNotFound)
    return api_fail(server.error());
  if (server) {
    versions.server = text(*server, "gitVersion");
    versions.minor = minor_of(text(*server, "minor"));
  }
  ApiResult<std::string> groups = ask(client, "/apis");
  if (!groups) return api_fail(groups.error());
  each(*groups, "groups", [&](std::string_view group) { read_group(group, versions); });
  ApiResult<std::string> core = ask(client, "/api/v1");
  if (!core) return api_fail(core.error());
  versions.groups[""] = {"v1"};
  each(*core, "resources", [&](std::string_view resource) {
    if (text(resource, "name") == "pods/eviction") versions.eviction_version = text(resource, "version");
  });
  return versions;
}

ApiResult<bool> has_resource(ApiClient& client, const ResourceType& type) {
  ApiResult<std::string> resources = ask(client, resources_path(type));
  if (!resources && resources.error().code == ApiCode::kNotFound) return false;
  if (!resources) return api_fail(resources.error());
  bool found = false;
  each(*resources, "resources",
       [&](std::string_view one) { found = found || text(one, "name") == type.plural; });
  return found;
}

ResourceType disruption_budgets(const ApiVersions& versions) {
  std::string_view version = versions.first_of("policy", {"v1", "v1beta1"});
  return {"policy",
          version.empty()   ? "v1"
          : version == "v1" ? "v1"
                            : "v1beta1",
          "poddisruptionbudgets", "PodDisruptionBudget"};
}

}  // namespace keyway::platform::kubernetes
