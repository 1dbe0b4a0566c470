#include "engine/node_table.h"

#include "base/format.h"

namespace keyway::engine {

namespace {

using cluster::PeerView;

constexpr int kBusPortDistance = 10000;  // where servers put their bus unless told otherwise

std::string endpoint(const PeerView& peer, bool with_shard_ids) {
  // Servers take the last colon as the one before the port, so an IPv6 address has no brackets here.
  const bool usual = peer.bus_port == 0 && !peer.address.empty();
  const int bus_port = usual ? peer.address.port + kBusPortDistance : peer.bus_port;
  std::string text = fmt::format("{}:{}@{}", peer.address.host, peer.address.port, bus_port);
  if (with_shard_ids && !peer.shard_id.empty()) text += fmt::format(",,shard-id={}", peer.shard_id);
  return text;
}

std::string flags(const PeerView& peer) {
  std::string text = peer.myself ? "myself," : "";
  text += peer.primary ? "master" : "slave";
  if (peer.noaddr) text += ",noaddr";
  return text;
}

std::string line(const PeerView& peer, bool with_shard_ids) {
  // Ping and pong times of 0: nothing is under way. The link state is not read back.
  std::string text =
      fmt::format("{} {} {} {} 0 0 {} connected", peer.id, endpoint(peer, with_shard_ids), flags(peer),
                  peer.primary_id.empty() ? "-" : peer.primary_id, peer.config_epoch);
  if (!peer.slots.empty()) text += " " + cluster::to_string(peer.slots);
  return text + "\n";
}

}  // namespace

std::string render_node_table(const std::vector<PeerView>& table, uint64_t current_epoch,
                              bool with_shard_ids) {
  std::string text;
  for (const PeerView& peer : table) {
    // A node in handshake has only a temporary id; the servers do not write it down either.
    if (!peer.handshake) text += line(peer, with_shard_ids);
  }
  // The server may have voted in this epoch before it was stopped. As a vote is given for a later epoch only,
  // it cannot vote twice in one.
  return text + fmt::format("vars currentEpoch {} lastVoteEpoch {}\n", current_epoch, current_epoch);
}

}  // namespace keyway::engine
