#include "proxy/node_map.h"

namespace keyway::proxy {

NodeMap::NodeMap(std::vector<MappedNode> nodes) : nodes_(std::move(nodes)) {
  for (const MappedNode& node : nodes_) {
    by_id_[node.id] = node.port;
    by_address_[node.real] = node.port;
    if (!node.hostname.empty()) by_address_[{node.hostname, node.real.port}] = node.port;
  }
}

uint16_t NodeMap::port_of_id(std::string_view id) const {
  auto found = by_id_.find(id);
  return found == by_id_.end() ? 0 : found->second;
}

uint16_t NodeMap::port_of_address(const Address& address) const {
  auto found = by_address_.find(address);
  return found == by_address_.end() ? 0 : found->second;
}

}  // namespace keyway::proxy
