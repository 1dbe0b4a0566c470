#include "platform/kubernetes/apply.h"

#include "base/format.h"
#include "platform/kubernetes/json_scan.h"

namespace keyway::platform::kubernetes {

namespace {

std::string version_of(std::string_view object) {
  return json_string(find_json(object, "metadata.resourceVersion"));
}

}  // namespace

ApiResult<Applied> Applier::apply(const ResourceType& type, std::string_view name_space,
                                  std::string_view name, std::string_view object,
                                  std::string_view known_version, std::string_view subresource) {
  std::string place = path_of(type, name_space, name, subresource);
  size_t hash = std::hash<std::string_view>()(object);
  auto before = compared_.find(place);
  if (before != compared_.end() && !known_version.empty() && before->second.wanted_hash == hash &&
      before->second.resource_version == known_version) {
    return Applied{.sent = false, .resource_version = std::string(known_version)};
  }
  ApiResult<std::string> live = client_.call(get_request(type, name_space, name));
  if (!live && live.error().code != ApiCode::kNotFound) return api_fail(live.error());
  Applied applied;
  applied.sent = !live || apply_differs(*live, object);
  if (applied.sent) {
    if (may_write_ && !may_write_())
      return api_fail(ApiCode::kConflict, fmt::format("apply {}: writing is not allowed any more",
                                                      words_of(type, name_space, name)));
    ApiResult<std::string> written = client_.call(apply_request(type, name_space, name, object, subresource));
    if (!written) return api_fail(written.error());
    live = std::move(written);
  }
  applied.resource_version = version_of(*live);
  if (before != compared_.end() || compared_.size() < max_objects_)
    compared_.insert_or_assign(std::move(place), Compared{hash, applied.resource_version});
  return applied;
}

void Applier::forget(const ResourceType& type, std::string_view name_space, std::string_view name) {
  compared_.erase(path_of(type, name_space, name));
  compared_.erase(path_of(type, name_space, name, "status"));
}

}  // namespace keyway::platform::kubernetes
