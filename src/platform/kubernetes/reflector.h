// Keeps a store the way the API server has it: lists, then watches from where the list ended, again and
// again. A watch that is cut goes on where it was; one that cannot (410) begins with a list. Owned by whoever
// owns the store, which it outlives not; in the loop of its ApiClient, whose thread it belongs to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "platform/kubernetes/api_client.h"
#include "platform/kubernetes/object_cache.h"

namespace keyway::platform::kubernetes {

struct ReflectorOptions {
  ListOptions list = {};
  // A watch without a byte for so long is cut and goes on over a new connection. Servers send a bookmark
  // every minute.
  int64_t silence_ms = 90'000;
  int64_t lasts_s = 300;         // then the server ends a watch and another one begins
  int64_t backoff_min_ms = 250;  // after a failure; doubles
  int64_t backoff_max_ms = 30'000;
  size_t max_pages = 10'000;
};

class Reflector {
 public:
  // Asks from the loop's next turn on. An empty `name_space`: all of them. `client` and `store` outlive it.
  Reflector(ApiClient& client, const ResourceType& type, std::string name_space, ObjectStore& store,
            ReflectorOptions options = {});
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;
  ~Reflector();

  // Whether the store has been whole once: before that it says nothing about what there is not.
  bool synced() const;
  // What is wrong now, for people; nothing: it is up to date as far as anybody can know.
  const std::optional<ApiError>& problem() const;
  // When something was last heard from the server, by std::chrono::steady_clock.
  int64_t heard_ms() const;
  // How many lists and watches there have been.
  uint64_t lists() const;
  uint64_t watches() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace keyway::platform::kubernetes
