// From host names to IP addresses, without blocking: /etc/hosts, then the name servers of /etc/resolv.conf,
// by c-ares (glibc's getaddrinfo loads code at run time, which a static program cannot). Owned by a Fleet or
// whoever else has an event loop; its thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace boost::asio {
class io_context;
}

namespace keyway::engine {

class Resolver {
 public:
  // `io` outlives it. `name_servers` are addresses with ports, parted by commas; empty: the system's.
  Resolver(boost::asio::io_context& io, std::string name_servers);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  // Open questions are answered with kUnavailable before it ends.
  ~Resolver();

  // IPv4 and IPv6 addresses, the one to try first at the front, one at least; kNotFound if there is no such
  // name; kUnavailable if no name server answered (after about 4 s).
  using Answer = std::function<void(const Result<std::vector<std::string>>& ips)>;

  // Calls `answer` once: before it returns, or from the event loop.
  void resolve(const std::string& host, Answer answer);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace keyway::engine
