// What a proxy is told to do. A value; shared between its threads as a constant.
#pragma once

#include <memory>
#include <vector>

#include "base/address.h"
#include "base/detours.h"
#include "engine/connection.h"
#include "proxy/limits.h"
#include "proxy/read_plan.h"
#include "proxy/tls_settings.h"
#include "proxy/upstream.h"
#include "proxy/users.h"

namespace keyway::proxy {

struct ProxyOptions {
  // Settled for as long as the proxy runs:
  Address listen;   // port 0: any that is free
  Address metrics;  // of /metrics, /healthz and /readyz; without a host: nowhere
  int workers = 1;
  std::shared_ptr<const Detours> detours = {};  // null: servers are reached at their own addresses

  // What Proxy::reload() changes:
  TlsSettings tls;                     // of new connections; its files are read again when they change
  std::vector<Address> seeds;          // nodes of the cluster; one that answers is enough
  engine::Credentials account;         // by which the proxy itself looks at the cluster
  Account anonymous;                   // as whom clients that do not log in act; empty: as nobody
  std::shared_ptr<const Users> users;  // the proxy's own; null: the servers know who clients are
  bool login_required = false;         // clients that do not log in are refused; with `users` only
  ReadOptions reads;
  Limits limits;
};

}  // namespace keyway::proxy
