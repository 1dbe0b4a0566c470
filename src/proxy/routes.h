// A worker's own idea of who owns which slot: the last topology, and what redirections have taught since.
// Nodes have places in it that stay theirs. One thread.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/detours.h"
#include "engine/tls.h"
#include "proxy/topology.h"

namespace keyway::proxy {

class Routes {
 public:
  static constexpr uint16_t kNobody = Topology::kNobody;

  struct Node {
    Address address;
    int failures = 0;         // attempts in a row to connect that failed
    int64_t retry_at_ms = 0;  // not before
  };

  Routes() { owners_.fill(kNobody); }

  std::shared_ptr<const engine::TlsContext> tls;  // how servers are spoken to; null: plainly
  std::shared_ptr<const Detours> detours;         // null: they are reached at their own addresses

  void apply(const Topology& topology);
  // A server says that `slot` is owned by the node at `place`.
  void learn(uint16_t slot, uint16_t place);
  // The place of the node at `address`, be it new.
  uint16_t place_of(const Address& address);

  uint16_t owner(uint16_t slot) const { return owners_[slot]; }
  Node& node(uint16_t place) { return nodes_[place]; }
  size_t size() const { return nodes_.size(); }
  // One slot of each node that owns some, which stands for its shard.
  const std::vector<uint16_t>& shard_slots() const { return shard_slots_; }
  // Whether the node at `place` serves writes for as long as it is the primary of servers without cluster
  // mode, which do not say who is when it is not.
  bool sole_primary(uint16_t place) const { return !sharded_ && owners_[0] == place; }
  // Changes with the owner of any slot.
  uint64_t version() const { return version_; }

 private:
  void find_shards();

  bool sharded_ = true;

  std::array<uint16_t, cluster::kSlotCount> owners_{};
  std::vector<Node> nodes_;
  std::map<Address, uint16_t> places_;
  std::vector<uint16_t> shard_slots_;
  uint64_t version_ = 1;
};

// "MOVED 3999 127.0.0.1:6381", "ASK …": of an error reply, with its '-' and line end.
struct Redirection {
  bool ask = false;
  uint16_t slot = 0;
  Address to;  // without a host: that of the server that says so
};

std::optional<Redirection> parse_redirection(std::string_view error);

// Errors of servers that are right for now only.
bool is_passing(std::string_view error);

}  // namespace keyway::proxy
