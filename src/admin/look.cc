#include "admin/look.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

#include "base/strings.h"
#include "engine/observe.h"

namespace keyway::admin {

using cluster::NodeFacts;
using cluster::Observed;

namespace {

bool is_ip_address(const std::string& host) {
  return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

// The "laddr=…" of CLIENT INFO: where the server took this connection.
std::optional<Address> local_address(const engine::Response& response) {
  if (response.error) return std::nullopt;
  for (std::string_view field : split_blanks(response.replies.front().text)) {
    if (field.starts_with("laddr=")) return parse_address(field.substr(field.find('=') + 1));
  }
  return std::nullopt;
}

}  // namespace

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

void learn_ip_addresses(Session& session, const Observed& observed) {
  std::vector<engine::Request> requests;
  for (const NodeFacts& node : observed.nodes) {
    if (node.answering() && !is_ip_address(meeting_address(session, observed, node).host))
      requests.push_back({node.address, {{"CLIENT", "INFO"}}});
  }
  std::vector<engine::Response> responses = session.servers.exchange(requests, session.timeout_ms);
  for (size_t i = 0; i < requests.size(); ++i) {
    if (auto local = local_address(responses[i])) session.reach[*local] = requests[i].address;
  }
}

cluster::Site site_of(const Session& session, const Observed& observed, const NodeFacts& node) {
  return {node.name, meeting_address(session, observed, node).host, node.server.zone};
}

}  // namespace keyway::admin
