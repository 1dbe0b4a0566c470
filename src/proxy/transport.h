// How the bytes of a connection travel: as they are, or by TLS. The plain way costs a branch, no more. Owned
// by the connection, whose socket it owns; one thread.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/tls.h"
#include "proxy/socket.h"

namespace keyway::proxy {

class Transport {
 public:
  enum class Handshake { kDone, kWantsRead, kWantsWrite, kFailed };

  // Plain; -1: no socket yet. `fd` becomes its own.
  explicit Transport(int fd = -1) : fd_(fd) {}
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  ~Transport();

  void attach(int fd) { fd_ = fd; }
  int fd() const { return fd_; }
  // From now on TLS, as a server to whoever connected, or as a client of `host`. handshake() comes next.
  void accept_tls(std::shared_ptr<const engine::TlsContext> context);
  void connect_tls(std::shared_ptr<const engine::TlsContext> context, const std::string& host);
  bool shakes_hands() const { return tls_ != nullptr && !tls_->established; }
  // Again whenever the socket is ready as it wants it to be. Also by TLS, some of what follows may already
  // have come: read on.
  Handshake handshake();

  // As recv: 0 is the end, less an error, of which errno is EAGAIN if there is nothing just now; else why().
  ssize_t read(char* to, size_t size) {
    return tls_ == nullptr ? recv(fd_, to, size, 0) : read_tls(to, size);
  }
  // More has come than the last read() took, and no readiness will tell of it.
  bool has_more() const { return tls_ != nullptr && tls_->has_more; }
  // A read must wait until the socket can be written to.
  bool read_wants_write() const { return tls_ != nullptr && tls_->read_wants_write; }

  // Takes what was written off the queue; `written_bytes` says how much. kFailed: why().
  Written write(SliceQueue& queue, size_t& written_bytes) {
    return tls_ == nullptr ? write_queue(fd_, queue, written_bytes) : write_tls(queue, written_bytes);
  }
  // False: it could not be written whole and at once.
  bool write_at_once(std::string_view bytes);

  // What the last error was.
  std::string why() const;

  // Says goodbye, if TLS has something for that, and closes the socket.
  void close();

 private:
  struct Tls {
    template <typename... Arguments>
    explicit Tls(Arguments&&... arguments) : stream(std::forward<Arguments>(arguments)...) {}

    engine::TlsStream stream;
    bool established = false;
    bool has_more = false;
    bool read_wants_write = false;
    bool failed = false;  // stream.why() says why
    bool ended = false;   // by the other end
  };

  ssize_t read_tls(char* to, size_t size);
  Written write_tls(SliceQueue& queue, size_t& written_bytes);
  bool failed() const { return tls_ != nullptr && tls_->failed; }

  int fd_;
  std::unique_ptr<Tls> tls_;  // null: plain
};

}  // namespace keyway::proxy
