// The real Servers: one non-blocking connection for each address, kept open, all driven by one event loop.
// Owned by the loop's thread; nothing in it may be called from another. While an exchange waits, the other
// handlers of the event loop run too; they may neither begin another exchange nor stop the event loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/servers.h"

namespace boost::asio {
class io_context;
}

namespace keyway::engine {

struct Credentials {
  std::string user;  // empty: no AUTH is sent
  std::string password;
};

class Fleet : public Servers {
 public:
  // `io` outlives it. `credentials` is asked at each new connection.
  Fleet(boost::asio::io_context& io, std::function<Credentials()> credentials);
  ~Fleet() override;

  std::vector<Response> exchange(const std::vector<Request>& requests, int64_t timeout_ms) override;

  // Drops connections to addresses that are not listed.
  void keep_only(const std::vector<Address>& addresses);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::engine
