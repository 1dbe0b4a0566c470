#include "admin/look.h"

#include <algorithm>
#include <iterator>

#include "engine/observe.h"

namespace keyway::admin {

using cluster::NodeFacts;
using cluster::Observed;

Observed look_at(Session& session, const std::vector<Address>& addresses) {
  Observed observed;
  for (const Address& address : addresses) {
    NodeFacts& node = observed.nodes.emplace_back();
    node.name = to_string(address);
    node.address = address;
    node.process = cluster::Process::kRunning;
  }
  look_again(session, observed);
  return observed;
}

void look_again(Session& session, Observed& observed) {
  for (NodeFacts& node : observed.nodes) node.note.clear();
  engine::observe(session.servers, cluster::Mode::kSharded, observed, session.timeout_ms);
}

Observed only_answering(const Observed& observed) {
  Observed answering;
  std::copy_if(observed.nodes.begin(), observed.nodes.end(), std::back_inserter(answering.nodes),
               [](const NodeFacts& node) { return node.answering(); });
  return answering;
}

Address meeting_address(const Session& session, const Observed& observed, const NodeFacts& node) {
  Address announced = engine::announced_address(observed, node);
  if (announced != node.address) return announced;
  for (const auto& [inside, reachable] : session.reach) {
    if (reachable == node.address) return inside;
  }
  return announced;
}

cluster::Site site_of(const Session& session, const Observed& observed, const NodeFacts& node) {
  return {node.name, meeting_address(session, observed, node).host, node.server.zone};
}

}  // namespace keyway::admin
