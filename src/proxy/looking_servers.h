// The servers as those threads see them that look at the cluster: by connections of the proxy's own account,
// and over TLS as the board says, so that new certificates are used. One thread.
#pragma once

#include <memory>

#include "engine/servers.h"
#include "proxy/board.h"

namespace keyway::proxy {

class LookingServers {
 public:
  explicit LookingServers(const Board& board);
  LookingServers(const LookingServers&) = delete;
  LookingServers& operator=(const LookingServers&) = delete;
  ~LookingServers();

  // Until the next call.
  engine::Servers& get();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::proxy
