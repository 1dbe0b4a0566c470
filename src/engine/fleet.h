// The real Servers: one non-blocking connection for each address, kept open, all driven by one event loop.
// Owned by the loop's thread; nothing in it may be called from another. While an exchange waits, the other
// handlers of the event loop run too; they may neither begin another exchange nor stop the event loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/connection.h"
#include "engine/servers.h"

namespace boost::asio {
class io_context;
}

namespace keyway::engine {

struct FleetOptions {
  TlsOptions tls = {};
  std::shared_ptr<const TlsContext> tls_context = {};  // instead of `tls`: of files that have been read
  int64_t connect_timeout_ms = 0;               // name, TCP and TLS together; 0: the time of the exchange
  std::string name_servers = {};                // "10.0.0.53:53,…"; empty: the system's
  std::shared_ptr<const Detours> detours = {};  // null: servers are reached at their own addresses
  size_t max_reply_bytes = size_t{64} << 20;    // what is longer ends the connection
};

class Fleet : public Servers {
 public:
  // `io` outlives it. `credentials` is asked at each new connection; a password without a user is the default
  // user's. Errors of the TLS files are those of each exchange; check_tls tells them beforehand.
  Fleet(boost::asio::io_context& io, std::function<Credentials()> credentials,
        const FleetOptions& options = {});
  ~Fleet() override;

  std::vector<Response> exchange(const std::vector<Request>& requests, int64_t timeout_ms) override;

  // Drops connections to addresses that are not listed.
  void keep_only(const std::vector<Address>& addresses);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::engine
