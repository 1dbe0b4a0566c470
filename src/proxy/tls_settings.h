// Whether and how the proxy speaks TLS to its clients and to servers. A value; any thread.
#pragma once

#include "engine/tls.h"

namespace keyway::proxy {

struct TlsSettings {
  engine::TlsListenOptions clients;
  engine::TlsOptions servers;

  bool enabled() const { return clients.enabled() || servers.enabled; }
};

}  // namespace keyway::proxy
