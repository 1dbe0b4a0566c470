// Server-side apply that sends nothing when nothing differs: an object of ours is compared with the one that
// there is, field by field, before anything is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "platform/kubernetes/api_client.h"

namespace keyway::platform::kubernetes {

// Whether applying `wanted` as kManager would change `live`, both JSON. It would not if every field of
// `wanted` is in `live` with the same value, and `live` owes no field to kManager that `wanted` has no more
// (metadata.managedFields). Lists whose elements the server merges by keys are compared by these, others as
// wholes. Fields that the server adds on its own count for nothing; quantities are compared as numbers;
// empty values are as good as none. What cannot be read differs. So does what is never read back, such as the
// stringData of a Secret: give its data. Pure; any thread.
bool apply_differs(std::string_view live, std::string_view wanted);

struct Applied {
  bool sent = false;             // something differed, or there was no such object
  std::string resource_version;  // by now
};

// Applies objects of ours again and again. It remembers what each was compared with, so that an object that
// has not changed on either side costs no request at all. Owned by whoever reconciles; the thread of
// `client`.
class Applier {
 public:
  // `client` outlives it. Remembers up to `max_objects`, the rest is asked for each time.
  // `may_write`, if given, is asked right before something is sent that writes; false is kConflict.
  explicit Applier(ApiClient& client, size_t max_objects = 10'000, std::function<bool()> may_write = {})
      : client_(client), max_objects_(max_objects), may_write_(std::move(may_write)) {}

  // Waits. `known_version` is the object's resourceVersion as a watch has it; empty: it is asked for, or
  // there is none. The errors are those of get and apply; kConflict cannot be, as fields of others are taken
  // over.
  ApiResult<Applied> apply(const ResourceType& type, std::string_view name_space, std::string_view name,
                           std::string_view object, std::string_view known_version = "",
                           std::string_view subresource = "");

  // Objects that are no more.
  void forget(const ResourceType& type, std::string_view name_space, std::string_view name);

 private:
  struct Compared {
    size_t wanted_hash = 0;
    std::string resource_version;
  };

  ApiClient& client_;
  size_t max_objects_;
  std::function<bool()> may_write_;
  std::map<std::string, Compared> compared_;  // by path
};

}  // namespace keyway::platform::kubernetes
