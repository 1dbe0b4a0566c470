// Connections to one API server with what proves who we are: opens them, keeps a few idle ones, writes
// requests out. Owned by an ApiClient; its thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/channel.h"
#include "platform/http_connection.h"
#include "platform/kubernetes/credentials.h"
#include "platform/kubernetes/requests.h"

namespace keyway::platform::kubernetes {

struct ApiClientOptions {
  std::string user_agent = "keyway";
  std::string name_servers = {};       // "10.0.0.53:53,…"; empty: the system's
  int64_t connect_timeout_ms = 5'000;  // name, TCP and TLS together
  int64_t backoff_min_ms = 100;  // before the second try; doubles, and up to half of it is cut at random
  int64_t backoff_max_ms = 5'000;
  int max_tries = 5;           // of one request
  size_t max_connections = 8;  // streams have their own
  size_t max_waiting = 1'000;  // requests that wait for a connection
  size_t max_body_bytes = size_t{32} << 20;
};

class ApiTransport {
 public:
  ApiTransport(boost::asio::io_context& io, ClientConfig config, ApiClientOptions options);

  // The text of a request, with fresh credentials.
  Result<std::string> text_of(const ApiRequest& request);
  // A connection with present certificates; `reused` tells whether it is one that was kept.
  Result<std::shared_ptr<HttpConnection>> connection(bool& reused);
  // A new one, whatever is kept.
  Result<std::shared_ptr<HttpConnection>> fresh_connection();
  // Keeps it for the next request, or closes it.
  void keep(std::shared_ptr<HttpConnection> connection);
  void close_idle();

  // Has new connections made with the certificates that there are now; drops kept ones that were made with
  // others.
  Status renew_tls();

  Credentials& credentials() { return credentials_; }
  // For connections of another kind; renew_tls() comes first.
  engine::Dialer& dialer() { return dialer_; }
  const ApiClientOptions& options() const { return options_; }
  boost::asio::io_context& io() { return dialer_.io; }
  // How long to wait before try number `tries` + 1.
  int64_t backoff_ms(int tries);

 private:
  ApiClientOptions options_;
  Credentials credentials_;
  engine::Dialer dialer_;
  std::vector<std::shared_ptr<HttpConnection>> idle_;
  uint64_t random_;
};

}  // namespace keyway::platform::kubernetes
