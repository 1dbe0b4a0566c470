#include "proxy/routes.h"

#include "base/strings.h"

namespace keyway::proxy {

void Routes::apply(const Topology& topology) {
  sharded_ = topology.sharded;
  std::vector<uint16_t> places;
  places.reserve(topology.nodes.size());
  for (const TopologyNode& node : topology.nodes) places.push_back(place_of(node.address));
  bool changed = false;
  for (size_t slot = 0; slot < owners_.size(); ++slot) {
    uint16_t owner = topology.owners[slot];
    uint16_t place = owner == Topology::kNobody ? kNobody : places[owner];
    changed = changed || owners_[slot] != place;
    owners_[slot] = place;
  }
  if (!changed) return;
  ++version_;
  find_shards();
}

void Routes::learn(uint16_t slot, uint16_t place) {
  if (owners_[slot] == place) return;
  owners_[slot] = place;
  ++version_;
  find_shards();
}

uint16_t Routes::place_of(const Address& address) {
  auto [entry, is_new] = places_.try_emplace(address, static_cast<uint16_t>(nodes_.size()));
  if (is_new) nodes_.push_back({address, 0, 0});
  return entry->second;
}

void Routes::find_shards() {
  shard_slots_.clear();
  std::vector<bool> seen(nodes_.size(), false);
  for (size_t slot = 0; slot < owners_.size(); ++slot) {
    uint16_t owner = owners_[slot];
    if (owner == kNobody || seen[owner]) continue;
    seen[owner] = true;
    shard_slots_.push_back(static_cast<uint16_t>(slot));
  }
}

std::optional<Redirection> parse_redirection(std::string_view error) {
  bool ask = error.starts_with("-ASK ");
  if (!ask && !error.starts_with("-MOVED ")) return std::nullopt;
  std::vector<std::string_view> words = split_blanks(error.substr(0, error.find('\r')));
  if (words.size() != 3) return std::nullopt;
  std::optional<uint64_t> slot = parse_uint(words[1]);
  if (!slot || *slot >= cluster::kSlotCount) return std::nullopt;
  std::optional<Address> to;
  if (words[2].rfind(':') == 0) {  // an IPv6 address may begin with one too
    std::optional<uint64_t> port = parse_uint(words[2].substr(1));
    if (port && *port > 0 && *port <= UINT16_MAX) to = Address{"", static_cast<uint16_t>(*port)};
  } else {
    to = parse_address(words[2]);
  }
  if (!to || to->empty()) return std::nullopt;
  return Redirection{ask, static_cast<uint16_t>(*slot), *to};
}

bool is_passing(std::string_view error) {
  return error.starts_with("-TRYAGAIN") || error.starts_with("-CLUSTERDOWN") ||
         error.starts_with("-LOADING") || error.starts_with("-MASTERDOWN") ||
         error.starts_with("-READONLY You can't write against a read only") ||
         error.starts_with("-UNBLOCKED force");
}

}  // namespace keyway::proxy
