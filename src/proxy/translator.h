// A translating proxy: a local port for each node of the cluster, for clients that know clusters but cannot
// reach its nodes. Any thread may own it; its work is done by threads of its own.
#pragma once

#include <memory>
#include <vector>

#include "base/address.h"
#include "base/detours.h"
#include "base/error.h"
#include "engine/connection.h"
#include "proxy/limits.h"
#include "proxy/node_map.h"

namespace keyway::proxy {

struct TranslatorOptions {
  Address listen;   // of the first node; the others take the ports above it. Port 0: any that are free
  Address metrics;  // of /map, /metrics, /healthz and /readyz; without a host: nowhere
  std::vector<Address> seeds;                   // nodes of the cluster; one that answers is enough
  engine::Credentials account;                  // by which the proxy itself looks at the cluster
  std::shared_ptr<const Detours> detours = {};  // null: servers are reached at their own addresses
  Limits limits;
};

class Translator {
 public:
  // Listens for the first node; serves from start() on. kInvalidArgument, kUnavailable.
  static Result<std::unique_ptr<Translator>> make(const TranslatorOptions& options);
  Translator(const Translator&) = delete;
  Translator& operator=(const Translator&) = delete;
  // As drain(), if that was not called.
  ~Translator();

  void start();
  // Takes no more clients, lets those that are there have the answers that they wait for; returns when all
  // are gone, limits.drain_ms later at the latest.
  void drain();

  // Where the first node is.
  const Address& address() const;
  // The nodes and their local ports; null: none has answered yet.
  std::shared_ptr<const NodeMap> node_map() const;
  // Where /map is; without a host: nowhere.
  const Address& metrics_address() const;

 private:
  struct Impl;
  explicit Translator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::proxy
