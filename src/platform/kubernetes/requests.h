// What is asked of an API server, as values: ApiClient sends them. Objects travel as JSON text. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "platform/kubernetes/names.h"
#include "platform/kubernetes/resource.h"

namespace keyway::platform::kubernetes {

inline constexpr int64_t kDefaultTimeoutMs = 15'000;

struct ApiRequest {
  std::string method;
  std::string path;
  std::string body = {};
  std::string_view content_type = {};
  std::string_view accept = "application/json";
  std::string head_lines = {};  // further ones, "NAME: VALUE\r\n" each
  std::string what;             // for messages: "apply statefulsets data/app"
  // Whether doing it twice is the same as doing it once, or is refused the second time in a way that its
  // caller expects. If not, it is sent again only when the server cannot have done it.
  bool repeatable = true;
  int64_t timeout_ms = kDefaultTimeoutMs;  // for all tries together
  bool urgent = false;                     // does not wait for a connection, however many there are
};

struct ListOptions {
  std::string label_selector = {};
  std::string field_selector = {};
  int page_size = 100;
  // Metadata without spec, status and data, which is much less: PartialObjectMetadata.
  bool metadata_only = false;
};

// What a watch says when it begins.
struct WatchOptions {
  std::string resource_version;
  int64_t lasts_s = 300;  // then the server ends it
};

enum class Propagation { kBackground, kForeground, kOrphan };

struct DeleteOptions {
  // Only if it is still this object and this version; empty: any.
  std::string uid = {};
  std::string resource_version = {};
  Propagation propagation = Propagation::kBackground;
  std::optional<int64_t> grace_period_s = {};
};

// Label or annotation by its value; none: it is taken away.
using MetadataChanges = std::map<std::string, std::optional<std::string>>;

ApiRequest get_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                       std::string_view subresource = "");
// One page; `continue_token` is that of the page before.
ApiRequest list_request(const ResourceType& type, std::string_view name_space, const ListOptions& options,
                        std::string_view continue_token = "");
ApiRequest watch_request(const ResourceType& type, std::string_view name_space, const ListOptions& options,
                         const WatchOptions& watch);
ApiRequest create_request(const ResourceType& type, std::string_view name_space, std::string_view object);
// Server-side apply as kManager. `force`: fields that others manage are taken over, which is what a
// controller does; without it they are kConflict. subresource: "status" or empty.
ApiRequest apply_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                         std::string_view object, std::string_view subresource = "", bool force = true);
// The whole object in place of the one whose resourceVersion it bears: else kConflict.
ApiRequest replace_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                           std::string_view object, std::string_view subresource = "");
ApiRequest merge_patch_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                               std::string_view patch, std::string_view subresource = "");
// A JSON patch (RFC 6902); of one whose `test` fails the answer is kInvalid.
ApiRequest json_patch_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                              std::string_view patch);
// Sets and takes away labels. kConflict if the object is not at `resource_version` any more; empty:
// whichever.
ApiRequest label_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                         const MetadataChanges& labels, std::string_view resource_version);
ApiRequest annotate_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                            const MetadataChanges& annotations, std::string_view resource_version);
ApiRequest delete_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                          const DeleteOptions& options = {});
// Sets the number of replicas by the scale subresource.
ApiRequest scale_request(const ResourceType& type, std::string_view name_space, std::string_view name,
                         int64_t replicas);
// Asks for a pod's end with respect for disruption budgets, of which kTooManyRequests tells.
// `policy_version`: "v1" or "v1beta1", as ApiVersions::eviction_version says.
ApiRequest evict_request(std::string_view name_space, std::string_view pod, std::string_view policy_version,
                         const DeleteOptions& options = {});

}  // namespace keyway::platform::kubernetes
