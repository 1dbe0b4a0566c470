// A local port that stands for a port of a pod: each connection to it becomes a forward of its own. Owned by
// whoever runs the event loop; its thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/address.h"
#include "platform/kubernetes/port_forward.h"

namespace keyway::platform::kubernetes {

struct LocalForwardOptions {
  // Where a new connection leads; asked for each. An error: it is closed at once.
  std::function<Result<PodPort>()> target;
  // A connection could not be forwarded, or was cut. Empty: nobody wants to know.
  std::function<void(const ApiError&)> trouble;
  size_t max_connections = 1'000;  // further ones wait until others have ended
};

class LocalForward {
 public:
  // Listens at `at`, whose port may be 0. kInvalidArgument, kUnavailable: it cannot. `client` outlives it.
  static Result<std::unique_ptr<LocalForward>> listen(ApiClient& client, const Address& at,
                                                      LocalForwardOptions options);
  LocalForward(const LocalForward&) = delete;
  LocalForward& operator=(const LocalForward&) = delete;
  // Cuts all connections.
  ~LocalForward();

  const Address& address() const;
  size_t connections() const;
  // Cuts those that lead to another place than new ones do, as they do when a pod was replaced or another is
  // the primary.
  void cut_misled();

 private:
  struct Impl;
  explicit LocalForward(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace keyway::platform::kubernetes
