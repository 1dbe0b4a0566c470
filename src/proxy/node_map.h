// Which local port stands for which node of the cluster, in a translating proxy. A value that is made anew
// with each topology; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace keyway::proxy {

struct MappedNode {
  std::string id;
  Address real;
  std::string hostname;  // that it announces; empty: none
  uint16_t port = 0;     // local
  bool primary = false;
};

class NodeMap {
 public:
  NodeMap() = default;
  explicit NodeMap(std::vector<MappedNode> nodes);

  const std::vector<MappedNode>& nodes() const { return nodes_; }
  // The local port of a node; 0: there is none.
  uint16_t port_of_id(std::string_view id) const;
  uint16_t port_of_address(const Address& address) const;

 private:
  std::vector<MappedNode> nodes_;
  std::map<std::string, uint16_t, std::less<>> by_id_;
  std::map<Address, uint16_t> by_address_;  // by host name too
};

}  // namespace keyway::proxy
