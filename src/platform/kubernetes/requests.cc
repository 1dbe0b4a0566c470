#include "platform/kubernetes/requests.h"

#include <vector>

#include "base/format.h"
#include "base/json_quote.h"
#include "base/strings.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMergePatch = "application/merge-patch+json";
constexpr std::string_view kJsonPatch = "application/json-patch+json";
constexpr std::string_view kApplyPatch = "application/apply-patch+yaml";  // of which JSON is a part
constexpr std::string_view kPartialList =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
constexpr std::string_view kPartial =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

QueryParameters manager() { return {{"fieldManager", std::string(kManager)}}; }

std::string words(std::string_view verb, const ResourceType& type, std::string_view name_space,
                  std::string_view name, std::string_view subresource = "") {
  std::string text = fmt::format("{} {}", verb, words_of(type, name_space, name));
  return subresource.empty() ? text : fmt::format("{} ({})", text, subresource);
}

// Members of a JSON object, without the brackets.
using Members = std::vector<std::string>;

std::string object_of(const Members& members) { return "{" + join(members, ",") + "}"; }

std::string member(std::string_view name, std::string_view json) {
  return fmt::format("{}:{}", json_quote(name), json);
}

std::string metadata_patch(std::string_view field, const MetadataChanges& changes,
                           std::string_view resource_version) {
  Members values;
  for (const auto& [name, value] : changes) {
    values.push_back(member(name, value ? json_quote(*value) : "null"));
  }
  Members metadata = {member(field, object_of(values))};
  if (!resource_version.empty()) metadata.push_back(member("resourceVersion", json_quote(resource_version)));
  return object_of({member("metadata", object_of(metadata))});
}

std::string_view to_text(Propagation propagation) {
  switch (propagation) {
    case Propagation::kBackground:
      return "Background";
    case Propagation::kForeground:
      return "Foreground";
    case Propagation::kOrphan:
      return "Orphan";
  }
  return "";
}

Members delete_members(const DeleteOptions& options) {
  Members preconditions;
  if (!options.uid.empty()) preconditions.push_back(member("uid", json_quote(options.uid)));
  if (!options.resource_version.empty())
    preconditions.push_back(member("resourceVersion", json_quote(options.resource_version)));
  Members members;
  if (!preconditions.empty()) members.push_back(member("preconditions", object_of(preconditions)));
  if (options.grace_period_s)
    members.push_back(member("gracePeriodSeconds", std::to_string(*options.grace_period_s)));
  members.push_back(member("propagationPolicy", json_quote(to_text(options.propagation))));
  return members;
}

void add_selectors(const ListOptions& options, QueryParameters& query) {
  if (!options.label_selector.empty()) query.emplace_back("labelSelector", options.label_selector);
  if (!options.field_selector.empty()) query.emplace_back("fieldSelector", options.field_selector);
}

ApiRequest patch_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                         std::string_view patch, std::string_view content_type,
                         std::string_view subresource) {
  return {.method = "PATCH",
          .path = path_of(type, name_space, name, subresource, manager()),
          .body = std::string(patch),
          .content_type = content_type,
          .what = words("patch", type, name_space, name, subresource)};
}

}  // namespace

ApiRequest get_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                       std::string_view subresource) {
  return {.method = "GET",
          .path = path_of(type, name_space, name, subresource),
          .what = words("get", type, name_space, name, subresource)};
}

ApiRequest list_request(const ResourceType& type, std::string_view name_space, const ListOptions& options,
                        std::string_view continue_token) {
  QueryParameters query = {{"limit", std::to_string(options.page_size)}};
  add_selectors(options, query);
  if (!continue_token.empty()) query.emplace_back("continue", continue_token);
  return {.method = "GET",
          .path = path_of(type, name_space, "", "", query),
          .accept = options.metadata_only ? kPartialList : kJson,
          .what = words("list", type, name_space, "")};
}

ApiRequest watch_request(const ResourceType& type, std::string_view name_space, const ListOptions& options,
                         const WatchOptions& watch) {
  QueryParameters query = {{"watch", "1"},
                           {"allowWatchBookmarks", "true"},
                           {"timeoutSeconds", std::to_string(watch.lasts_s)},
                           {"resourceVersion", watch.resource_version}};
  add_selectors(options, query);
  return {.method = "GET",
          .path = path_of(type, name_space, "", "", query),
          .accept = options.metadata_only ? kPartial : kJson,
          .what = words("watch", type, name_space, "")};
}

ApiRequest create_request(const ResourceType& type, std::string_view name_space, std::string_view object) {
  return {.method = "POST",
          .path = path_of(type, name_space, "", "", manager()),
          .body = std::string(object),
          .content_type = kJson,
          .what = words("create", type, name_space, ""),
          .repeatable = false};
}

ApiRequest apply_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                         std::string_view object, std::string_view subresource, bool force) {
  QueryParameters query = manager();
  query.emplace_back("force", force ? "true" : "false");
  return {.method = "PATCH",
          .path = path_of(type, name_space, name, subresource, query),
          .body = std::string(object),
          .content_type = kApplyPatch,
          .what = words("apply", type, name_space, name, subresource)};
}

ApiRequest replace_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                           std::string_view object, std::string_view subresource) {
  return {.method = "PUT",
          .path = path_of(type, name_space, name, subresource, manager()),
          .body = std::string(object),
          .content_type = kJson,
          .what = words("replace", type, name_space, name, subresource),
          .repeatable = false};
}

ApiRequest merge_patch_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                               std::string_view patch, std::string_view subresource) {
  return patch_request(type, name_space, name, patch, kMergePatch, subresource);
}

ApiRequest json_patch_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                              std::string_view patch) {
  ApiRequest request = patch_request(type, name_space, name, patch, kJsonPatch, "");
  request.repeatable = false;
  return request;
}

ApiRequest label_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                         const MetadataChanges& labels, std::string_view resource_version) {
  ApiRequest request =
      merge_patch_request(type, name_space, name, metadata_patch("labels", labels, resource_version));
  request.what = words("label", type, name_space, name);
  request.repeatable = resource_version.empty();
  return request;
}

ApiRequest annotate_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                            const MetadataChanges& annotations, std::string_view resource_version) {
  ApiRequest request = merge_patch_request(type, name_space, name,
                                           metadata_patch("annotations", annotations, resource_version));
  request.what = words("annotate", type, name_space, name);
  request.repeatable = resource_version.empty();
  return request;
}

ApiRequest delete_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                          const DeleteOptions& options) {
  return {.method = "DELETE",
          .path = path_of(type, name_space, name),
          .body = object_of(delete_members(options)),
          .content_type = kJson,
          .what = words("delete", type, name_space, name),
          // Without a uid the second time might hit another object of that name.
          .repeatable = !options.uid.empty()};
}

ApiRequest scale_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                         int64_t replicas) {
  ApiRequest request = merge_patch_request(type, name_space, name,
                                           fmt::format(R"({{"spec":{{"replicas":{}}}}})", replicas), "scale");
  request.what = words("scale", type, name_space, name);
  return request;
}

ApiRequest evict_request(std::string_view name_space, std::string_view pod, std::string_view policy_version,
                         const DeleteOptions& options) {
  std::string metadata =
      object_of({member("name", json_quote(pod)), member("namespace", json_quote(name_space))});
  return {.method = "POST",
          .path = path_of(kPods, name_space, pod, "eviction"),
          .body = object_of({member("apiVersion", json_quote(fmt::format("policy/{}", policy_version))),
                             member("kind", json_quote("Eviction")), member("metadata", metadata),
                             member("deleteOptions", object_of(delete_members(options)))}),
          .content_type = kJson,
          .what = words("evict", kPods, name_space, pod),
          .repeatable = !options.uid.empty()};
}

}  // namespace keyway::platform::kubernetes
