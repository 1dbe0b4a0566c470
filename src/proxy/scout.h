// Learns who owns which slot: asks some of the nodes that are known for their CLUSTER NODES (servers without
// cluster mode for their ROLE), now and then and
// whenever a worker was redirected or lost a server. A thread of its own; tells the board.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/address.h"
#include "engine/connection.h"
#include "engine/servers.h"
#include "proxy/board.h"

namespace keyway::proxy {

class Scout {
 public:
  // `before_look` is called by the scout's thread, every few seconds at least.
  Scout(Board& board, std::function<void()> before_look);
  Scout(const Scout&) = delete;
  Scout& operator=(const Scout&) = delete;
  ~Scout();

  void start();

 private:
  void run();
  // False: no node answered.
  bool look(engine::Servers& servers);
  void learn_commands(engine::Servers& servers, const Address& address);
  std::vector<Address> choose() const;
  int64_t pause_ms() const;

  Board& board_;
  std::function<void()> before_look_;
  std::shared_ptr<const ProxyOptions> options_;
  std::vector<Address> known_;  // primaries first
  size_t looks_ = 0;
  bool sharded_ = true;
  bool found_ = false;  // somebody answered the last time
  bool commands_known_ = false;
  std::thread thread_;
};

}  // namespace keyway::proxy
