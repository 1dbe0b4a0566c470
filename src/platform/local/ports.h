// Choosing the ports of a cluster's servers. Each takes two: its port and, for the cluster bus, port + 10000.
// Blocks for as long as a few bind(2) calls take. Any thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"

namespace keyway::platform::local {

inline constexpr uint16_t kDefaultBasePort = 7000;
inline constexpr uint16_t kBusPortDistance = 10000;
inline constexpr uint16_t kMaxPort = 55535;  // so that the bus port exists

struct PortWish {
  std::string host;
  int count = 0;
  int first = 0;             // 0: any block from kDefaultBasePort on
  bool with_bus = true;      // sharded mode
  std::set<uint16_t> avoid;  // recorded by other clusters or nodes; taken even if nothing listens there now
};

// `count` free ports, in a row. kConflict: the wished ones are taken; names each and its holder. kExhausted:
// no free block.
Result<std::vector<uint16_t>> choose_ports(const PortWish& wish);

// `count` free ports for nodes added to a cluster that has ports already: from `wish.first` upward, gaps
// allowed.
Result<std::vector<uint16_t>> choose_further_ports(const PortWish& wish);

}  // namespace keyway::platform::local
