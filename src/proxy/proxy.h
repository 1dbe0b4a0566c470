// The proxy: a whole cluster behind one address. Any thread may own it; its work is done by threads of its
// own.
#pragma once

#include <memory>

#include "base/address.h"
#include "base/error.h"
#include "proxy/options.h"

namespace keyway::proxy {

class Proxy {
 public:
  // Listens; serves from start() on. kInvalidArgument, kUnavailable.
  static Result<std::unique_ptr<Proxy>> make(const ProxyOptions& options);
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;
  // As drain(), if that was not called.
  ~Proxy();

  void start();
  // Reads the certificates' files again, as happens by itself a few seconds after they have changed. New
  // connections use what is new. kInvalidArgument: they cannot be used, and the former ones stay in use. Any
  // thread.
  Status reload_certificates();
  // Goes on by other options: all but `listen`, `metrics` and `workers`, which are kept; that is logged.
  // Limits, accounts and seeds hold from each thread's next turn on. Clients stay, but for those whose rights
  // would be other ones now (see docs/proxy.md). An error means that nothing was changed.
  Status reload(const ProxyOptions& options);
  // Takes no more clients, lets those that are there have the answers that they wait for; returns when all
  // are gone, limits.drain_ms later at the latest.
  void drain();

  // Where it listens.
  const Address& address() const;

 private:
  struct Impl;
  explicit Proxy(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::proxy
