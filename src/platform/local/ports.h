// Who listens on a TCP port of this machine, and choosing the ports of a cluster's servers. Each takes two:
// its port and, for the cluster bus, port + 10000. Blocks for as long as a few bind(2) calls take. Any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace keyway::platform::local {

// pid 0: the holder belongs to another user and cannot be named.
struct PortHolder {
  int pid = 0;
  std::string program;  // "nginx"
};

// Nothing if no one listens on host:port (or on all addresses with that port). Reads all of /proc: not for
// busy loops.
std::optional<PortHolder> find_port_holder(const std::string& host, uint16_t port);

// Where on 127.0.0.1 the process listens. Reads its folder in /proc and the kernel's table of sockets.
std::vector<uint16_t> find_listening_ports(int pid);

// "nginx (pid 123)", "a process of another user".
std::string to_string(const PortHolder& holder);

// Whether this process could listen on host:port now. kConflict: taken. kInvalidArgument: the host is no
// address of this machine. Uses what servers use (SO_REUSEADDR), so closed connections that linger do not
// count.
Status test_port(const std::string& host, uint16_t port);

inline constexpr uint16_t kDefaultBasePort = 7000;
inline constexpr uint16_t kBusPortDistance = 10000;
inline constexpr uint16_t kMaxPort = 55535;  // so that the bus port exists

struct PortWish {
  std::string host;
  int count = 0;
  int first = 0;         // 0: any block from kDefaultBasePort on
  bool with_bus = true;  // sharded mode
  std::map<uint16_t, std::string>
      recorded;  // taken even if nothing listens there now, with by whom: "cluster blue"
};

// Whether nothing is in the way of a server at `port`, and who is (kConflict). Looks at host, with_bus and
// recorded of the wish.
Status check_port(const PortWish& wish, uint16_t port);

// `count` free ports, in a row. kConflict: the wished ones are taken; names each and its holder. kExhausted:
// no free block.
Result<std::vector<uint16_t>> choose_ports(const PortWish& wish);

// `count` free ports for nodes added to a cluster that has ports already: from `wish.first` upward, gaps
// allowed.
Result<std::vector<uint16_t>> choose_further_ports(const PortWish& wish);

}  // namespace keyway::platform::local
