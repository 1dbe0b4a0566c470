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
// PING). Gossip would bring it too, but within cluster-node-timeout / 2.
class Introducer {
 public:
  explicit Introducer(Session& session) : session_(session) {}

  // Each pair at most once in 250 ms, each server at most 64 at a time. The first error of any server: the
  // others were told all the same.
  Status close(const cluster::Observed& observed, const std::vector<ViewGap>& gaps);

 private:
  // Who is to send the MEET, and to whom. Nothing: no MEET helps.
  static std::optional<std::pair<size_t, size_t>> meeting_for(const ViewGap& gap);
  resp::Command meet(const cluster::Observed& observed, const cluster::NodeFacts& node) const;

  Session& session_;
  std::map<std::pair<Address, Address>, int64_t> last_ms_;  // when the first was last told to meet the second
};

}  // namespace keyway::admin
