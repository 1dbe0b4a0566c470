// Makes the nodes of a cluster known to each other at once, by CLUSTER MEET, where gossip would take seconds
// to tens of seconds. One thread; as long as the command that makes or extends a cluster.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "admin/session.h"
#include "admin/views.h"

namespace keyway::admin {

// Call `close` again and again, with what was just observed, until there are no gaps.
//
// A server that does not know another one is told to meet it. A server of which another has an outdated
// picture is told to meet that one: the message carries its role, slots and epoch, and is heeded even though
// the two know each other (clusterProcessPacket of Redis 7 and Valkey 8 treats MEET from a known node as a
// PING). Gossip would bring it too, but within cluster-node-timeout / 2. Valkey 8.1 and later drop their
// connection to a node that they have known for longer than that and that meets them again, so the same pair
// meets ever more rarely.
//
// Valkey 9 heeds no message of a replica whom it takes for a primary of the same shard with a later config
// epoch than the shard's, which is what a late message from the time before it was a replica leaves behind
// (clusterProcessPacket, "Ignore stale message"). That never ends by itself; a later epoch of the shard's
// primary ends it.
class Introducer {
 public:
  explicit Introducer(Session& session) : session_(session) {}

  // Each pair at most once in 250 ms, later in 2 s; each server at most 64 at a time. The first error of any
  // server: the others were told all the same.
  Status close(const cluster::Observed& observed, const std::vector<ViewGap>& gaps);

 private:
  using Pair = std::pair<Address, Address>;
  struct Meeting {
    int64_t next_ms = 0;  // not before
    int64_t pause_ms = 0;
    int times = 0;
  };
  // By server. Commands in the order in which they are sent.
  using Orders = std::map<Address, std::vector<resp::Command>>;

  // Who is to send the MEET, and to whom. Nothing: no MEET helps.
  static std::optional<std::pair<size_t, size_t>> meeting_for(const ViewGap& gap);
  resp::Command meet(const cluster::Observed& observed, const cluster::NodeFacts& node) const;
  Orders orders(const cluster::Observed& observed, const std::vector<ViewGap>& gaps);
  void raise_epoch(const cluster::Observed& observed, const ViewGap& gap, Orders& orders);
  bool is_due(const Pair& pair, int64_t at_ms);

  Session& session_;
  std::map<Pair, Meeting> meetings_;      // the first meets the second
  std::map<Address, int64_t> raised_ms_;  // when a primary was last told to raise its epoch
};

}  // namespace keyway::admin
