// Puts local addresses in the place of nodes' real ones in what servers say: whole replies to CLUSTER SLOTS,
// SHARDS, NODES and REPLICAS, and MOVED and ASK. All else in them stays byte for byte as it was. Pure; any
// thread. Formats: https://redis.io/docs/latest/commands/cluster-slots/, -shards/, -nodes/, -replicas/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/node_map.h"

namespace keyway::proxy {

enum class ClusterReply : uint8_t { kSlots, kShards, kNodes, kReplicas };

// What replies are translated with.
struct Translating {
  const NodeMap& nodes;
  std::string_view here;    // the host by which the client reached the proxy
  std::string_view server;  // the host of the server that says it: where none is named, it is this one
  bool unknown = false;     // becomes true: a node was named that has no local address
};

// A whole reply, as it is on the wire (RESP2 or RESP3). Nothing: it is none of this kind (an error, QUEUED),
// or nothing in it has a local address.
std::optional<std::string> translate_reply(ClusterReply kind, std::string_view reply, Translating& with);

// An error line with its '-' and line end. Nothing: it is no redirection. If it leads to a node that has no
// local address (yet), the result is a TRYAGAIN.
std::optional<std::string> translate_redirection(std::string_view line, Translating& with);

}  // namespace keyway::proxy
