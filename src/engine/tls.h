// TLS to servers, and to clients of our own, by OpenSSL over non-blocking sockets. A TlsContext holds what
// was read from files once and serves any number of streams, of any threads; a TlsStream is the state of one
// connection and is owned by it. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::engine {

// How servers are to be spoken to over TLS. Paths of PEM files; empty: not given.
struct TlsOptions {
  bool enabled = false;
  std::string ca_file = {};    // with neither: the system's
  std::string ca_folder = {};  // hashed, as OpenSSL wants it
  std::string certificate_file = {};
  std::string key_file = {};
  std::string key_password = {};
  std::string server_name =
      {};                    // SNI and the name that certificates must bear; empty: the host of the address
  std::string ciphers = {};  // up to TLS 1.2
  std::string ciphersuites = {};  // TLS 1.3
  bool insecure = false;          // accept any certificate
  // The same as PEM text, for what was never in a file: each beside or instead of its file.
  std::string ca_text = {};
  std::string certificate_text = {};
  std::string key_text = {};
};

// What a listener wants of its clients' certificates. One that is shown and not of the CA is always refused.
enum class TlsClients { kIgnored, kOptional, kRequired };

// How clients are to be spoken to over TLS. Paths of PEM files; empty: not given.
struct TlsListenOptions {
  std::string certificate_file = {};  // without it: no TLS
  std::string key_file = {};
  std::string ca_file = {};  // of the clients' certificates
  TlsClients clients = TlsClients::kIgnored;

  bool enabled() const { return !certificate_file.empty(); }
};

// Whether the files of `options` can be read and fit each other. kInvalidArgument, with the file's name and
// what is wrong with it. Fine if TLS is not enabled.
Status check_tls(const TlsOptions& options);
Status check_tls(const TlsListenOptions& options);

class TlsContext {
 public:
  // For the client's end of connections. The errors of check_tls.
  static Result<std::shared_ptr<const TlsContext>> make(const TlsOptions& options);
  // For the server's end.
  static Result<std::shared_ptr<const TlsContext>> make(const TlsListenOptions& options);

  // Until when its own certificate is valid, as Unix time; none: it has none.
  std::optional<int64_t> expires_at_s() const;

  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

 private:
  friend class TlsStream;
  struct Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  static Result<std::unique_ptr<Impl>> load(const TlsOptions& options, bool of_listener);
  std::unique_ptr<Impl> impl_;
};

// Nothing blocks: what cannot go on says which readiness of the socket it waits for.
class TlsStream {
 public:
  enum class Outcome { kDone, kWantsRead, kWantsWrite, kClosed, kFailed };

  // `socket` is non-blocking and connected, and is neither owned nor closed.
  // The client's end. `host` is the one that was asked for, before any name was resolved.
  TlsStream(std::shared_ptr<const TlsContext> context, int socket, const std::string& host);
  // The server's end, of a context with TlsListenOptions.
  TlsStream(std::shared_ptr<const TlsContext> context, int socket);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  ~TlsStream();

  Outcome handshake();
  // `moved` bytes; never 0 with kDone. A write that was told to wait is to be repeated with the same bytes
  // (more may follow them).
  Outcome read(char* to, size_t size, size_t& moved);
  Outcome write(std::string_view bytes, size_t& moved);
  // Takes as much from the socket at once as there is room for, not record by record. Before the handshake.
  void read_ahead();
  // Bytes that were read from the socket and not yet given out: no readiness will tell of them. When reading
  // ahead they may be less than a record, so that a read has to wait all the same.
  bool has_pending() const;
  // Tells the other end that nothing follows, if that can be done at once.
  void say_goodbye();
  // Whether nothing is to be read and the other end is still there.
  bool is_quiet();

  // Why it failed, for a person: what is wrong with which certificate, and what to do.
  const std::string& why() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::engine
