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

// How servers are to be spoken to over TLS. Paths of PEM files; empty: not given.
struct TlsOptions {
  bool enabled = false;
  std::string ca_file;    // with neither: the system's
  std::string ca_folder;  // hashed, as OpenSSL wants it
  std::string certificate_file;
  std::string key_file;
  std::string key_password;
  std::string server_name;   // SNI and the name that certificates must bear; empty: the host of the address
  std::string ciphers;       // up to TLS 1.2
  std::string ciphersuites;  // TLS 1.3
  bool insecure = false;     // accept any certificate
};

struct FleetOptions {
  TlsOptions tls = {};
  int64_t connect_timeout_ms = 0;  // 0: the time of the exchange
};

class Fleet : public Servers {
 public:
  // `io` outlives it. `credentials` is asked at each new connection; a password without a user is the default
  // user's. Errors of the TLS files are those of each exchange; check_tls tells them beforehand.
  Fleet(boost::asio::io_context& io, std::function<Credentials()> credentials, FleetOptions options = {});
  ~Fleet() override;

  std::vector<Response> exchange(const std::vector<Request>& requests, int64_t timeout_ms) override;

  // Drops connections to addresses that are not listed.
  void keep_only(const std::vector<Address>& addresses);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::engine
