// The supervisor's end of the control socket. Reads requests, hands them to its handler, sends the replies.
// Everything is asynchronous and bounded: a slow, silent or half-open client holds up nobody. Lives in the
// io_context's thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "supervisor/protocol.h"

namespace boost::asio {
class io_context;
}

namespace keyway::supervisor {

inline constexpr size_t kMaxClients = 64;

class ControlServer {
 public:
  // Takes one line of the protocol. To be called once, at any later time in the io_context's thread, even if
  // the client or the server is gone by then.
  using Reply = std::function<void(std::string line)>;
  // Called from the io_context; one request of a client at a time.
  using Handler = std::function<void(Request request, Reply reply)>;

  // Replaces what a dead supervisor left at the path: the caller holds the cluster's lock. `io` outlives it.
  static Result<std::unique_ptr<ControlServer>> open(boost::asio::io_context& io, const std::string& path,
                                                     Handler handler);

  // Closes every connection and removes the socket. The handler is not called afterwards.
  ~ControlServer();

  size_t clients() const;

 private:
  struct Impl;
  explicit ControlServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace keyway::supervisor
