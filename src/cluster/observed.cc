#include "cluster/observed.h"

namespace keyway::cluster {

const NodeFacts* Observed::find(std::string_view name) const {
  for (const NodeFacts& node : nodes) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

NodeFacts* Observed::find(std::string_view name) {
  return const_cast<NodeFacts*>(static_cast<const Observed*>(this)->find(name));
}

const NodeFacts* Observed::find_id(std::string_view id) const {
  if (id.empty()) return nullptr;
  for (const NodeFacts& node : nodes) {
    if (node.answering() && !node.server.id.empty() ? node.server.id == id : node.id == id) return &node;
  }
  return nullptr;
}

}  // namespace keyway::cluster
