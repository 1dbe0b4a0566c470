// Proves to the API server who one is, over and over: reads token, CA and certificate files again as they are
// rotated, and asks the credential plugin again when what it gave expires. Owned by an ApiClient; its thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/tls.h"
#include "platform/kubernetes/client_config.h"
#include "platform/kubernetes/exec_credential.h"

namespace keyway::platform::kubernetes {

class Credentials {
 public:
  explicit Credentials(ClientConfig config) : config_(std::move(config)) {}

  // The lines of a request's head that tell who asks ("Authorization: Bearer …\r\n"); may be empty. With a
  // credential plugin whose credentials have expired it waits for the plugin. Errors: the file or plugin, and
  // what is wrong with it.
  Result<std::string> head_lines();

  // What new connections agree on TLS with; null: plain HTTP. Read again if the files have changed: then it
  // is another one than the last time. Files that cannot be used leave the former one in use.
  Result<std::shared_ptr<const engine::TlsContext>> tls();

  // The server did not accept them: what can be had anew is had anew the next time. False: nothing can be.
  bool refused();

  const ClientConfig& config() const { return config_; }

 private:
  using Clock = std::chrono::steady_clock;

  // What tells one state of a file from the next.
  struct Stamp {
    uint64_t inode = 0;
    int64_t size_bytes = 0;
    int64_t changed_ns = 0;

    friend bool operator==(const Stamp&, const Stamp&) = default;
  };

  Result<std::string> token();
  Result<std::string> file_token();
  Status refresh_plugin();
  std::vector<Stamp> stamps() const;

  ClientConfig config_;
  std::string file_token_;
  Clock::time_point read_at_ = {};         // of the token file; none: to be read
  std::unique_ptr<ExecCredential> given_;  // by the plugin; null: to be asked
  bool plugin_tls_new_ = false;            // it gave a certificate that tls_ does not have
  std::vector<Stamp> stamps_;
  std::shared_ptr<const engine::TlsContext> tls_;
};

}  // namespace keyway::platform::kubernetes
