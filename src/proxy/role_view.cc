#include "proxy/role_view.h"

#include <optional>
#include <set>
#include <tuple>

#include "base/strings.h"

namespace keyway::proxy {

namespace {

// One server's ROLE as a value. Format: https://redis.io/docs/latest/commands/role/
struct Role {
  bool primary = false;
  int64_t offset = 0;             // of a primary
  std::vector<Address> replicas;  // of a primary
  Address follows;                // of a replica
};

// A number that servers send as an integer or as a text.
int64_t number_of(const resp::Reply& reply) {
  return reply.type == resp::ReplyType::kInteger ? reply.integer : parse_int(reply.text).value_or(0);
}

std::optional<Address> address_of(const resp::Reply& host, const resp::Reply& port) {
  int64_t number = number_of(port);
  if (host.text.empty() || number <= 0 || number > UINT16_MAX) return std::nullopt;
  return Address{host.text, static_cast<uint16_t>(number)};
}

std::optional<Role> read_role(const resp::Reply& reply) {
  const std::vector<resp::Reply>& parts = reply.elements;
  Role role;
  if (parts.size() >= 3 && parts[0].text == "master") {
    role.primary = true;
    role.offset = number_of(parts[1]);
    for (const resp::Reply& replica : parts[2].elements) {
      if (replica.elements.size() < 2) continue;
      if (auto address = address_of(replica.elements[0], replica.elements[1]))
        role.replicas.push_back(*address);
    }
    return role;
  }
  if (parts.size() < 3 || parts[0].text != "slave") return std::nullopt;
  std::optional<Address> follows = address_of(parts[1], parts[2]);
  if (!follows) return std::nullopt;
  role.follows = *follows;
  return role;
}

TopologyNode make_node(const Address& address, const Address& primary) {
  TopologyNode node;
  node.id = to_string(address);
  node.address = address;
  node.primary = address == primary;
  if (!node.primary) node.primary_id = to_string(primary);
  return node;
}

}  // namespace

Topology join_roles(const std::vector<RoleView>& views) {
  Address primary;
  std::tuple<size_t, int64_t> best{};
  std::set<Address> others;
  bool any_primary = false;
  for (const RoleView& view : views) {
    std::optional<Role> role = read_role(view.role);
    if (!role) continue;
    others.insert(view.asked);
    others.insert(role->replicas.begin(), role->replicas.end());
    if (!role->primary) {
      others.insert(role->follows);
      if (!any_primary) primary = role->follows;
      continue;
    }
    std::tuple<size_t, int64_t> weight{role->replicas.size(), role->offset};
    if (!any_primary || weight > best) {
      primary = view.asked;
      best = weight;
    }
    any_primary = true;
  }
  Topology topology;
  topology.sharded = false;
  if (primary.empty()) return topology;
  others.erase(primary);
  topology.nodes.push_back(make_node(primary, primary));
  for (const Address& address : others) topology.nodes.push_back(make_node(address, primary));
  topology.owners.fill(0);
  return topology;
}

}  // namespace keyway::proxy
