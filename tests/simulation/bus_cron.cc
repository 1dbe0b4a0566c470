// What a server does on the cluster bus ten times a second: connecting, pinging, suspecting.
#include <algorithm>

#include "bus.h"
#include "server.h"

namespace keyway::simulation {

void Bus::cron() {
  if (!started_) return;
  ++crons_;
  int64_t handshake_limit_us = std::max<int64_t>(node_timeout_us_, 1'000'000);
  std::erase_if(handshakes_,
                [&](const Handshake& known) { return now() - known.since_us > handshake_limit_us; });
  for (Handshake& handshake : handshakes_) connect(handshake);
  for (Peer& peer : table_.peers) {
    if (peer.id != my_id() && peer.place >= 0 && !peer.linked) connect(peer);
  }
  if (crons_ % 10 == 0) ping_one_of_some();
  bool suspects = false;
  for (Peer& peer : table_.peers) {
    if (peer.id != my_id() && peer.place >= 0) suspects |= watch(peer);
  }
  if (suspects) state_dirty_ = true;
  // A replica that was told its primary's address only now.
  if (!is_primary() && me().primary_id >= 0 && server_.replication.primary_place < 0) {
    const Peer* primary = find(me().primary_id);
    if (primary != nullptr && primary->place >= 0) server_.replication.follow(primary->place);
  }
  if (handover_end_us_ != 0 && handover_end_us_ < now()) reset_handover();
  if (!is_primary()) {
    handle_handover();
    handle_failover();
  }
  if (state_dirty_ || !ok_) update_state();
}

void Bus::connect(Handshake& handshake) {
  const World& world = server_.world;
  Server* other = world.server(handshake.place);
  if (handshake.linked || other == nullptr || !other->listens()) return;
  if (world.network.cut_any(server_.place, handshake.place)) return;
  handshake.linked = true;
  send(handshake.place, header(handshake.meet ? BusMessage::Type::kMeet : BusMessage::Type::kPing));
}

void Bus::connect(Peer& peer) {
  const World& world = server_.world;
  Server* other = world.server(peer.place);
  bool possible = other != nullptr && other->listens() && !world.network.cut_any(server_.place, peer.place);
  if (!possible) {
    if (peer.ping_sent_us == 0) peer.ping_sent_us = now();
    return;
  }
  peer.linked = true;
  peer.linked_at_us = now();
  int64_t waiting_since_us = peer.ping_sent_us;
  send_to(peer, BusMessage::Type::kPing);
  if (waiting_since_us != 0) peer.ping_sent_us = waiting_since_us;
}

void Bus::ping_one_of_some() {
  Peer* oldest = nullptr;
  for (int i = 0; i < 5; ++i) {
    Peer& peer =
        table_.peers[static_cast<size_t>(server_.world.random.below(static_cast<int>(table_.peers.size())))];
    if (peer.id == my_id() || !peer.linked || peer.ping_sent_us != 0) continue;
    if (oldest == nullptr || peer.pong_received_us < oldest->pong_received_us) oldest = &peer;
  }
  if (oldest != nullptr) send_to(*oldest, BusMessage::Type::kPing);
}

// Whether a suspicion has arisen.
bool Bus::watch(Peer& peer) {
  int64_t half_us = node_timeout_us_ / 2;
  int64_t ping_delay_us = now() - peer.ping_sent_us;
  int64_t data_delay_us = now() - peer.data_received_us;
  bool free_again = peer.held_back && !server_.world.network.cut_any(server_.place, peer.place);
  if (free_again) peer.linked = false;
  if (peer.linked && peer.ping_sent_us != 0 && now() - peer.linked_at_us > node_timeout_us_ &&
      ping_delay_us > half_us && data_delay_us > half_us) {
    peer.linked = false;  // connected anew at the next turn
  }
  if (peer.linked && peer.ping_sent_us == 0) {
    bool urgent = is_primary() && handover_under_way() && handover_replica_ == peer.id;
    if (urgent || now() - peer.pong_received_us > half_us) send_to(peer, BusMessage::Type::kPing);
  }
  if (peer.ping_sent_us == 0) return false;
  if (std::min(now() - peer.ping_sent_us, now() - peer.data_received_us) <= node_timeout_us_) return false;
  if (peer.fail || peer.pfail) {
    mark_failing(peer);
    return false;
  }
  peer.pfail = true;
  mark_failing(peer);
  return true;
}

void Bus::peer_gone(int place) {
  for (Peer& peer : table_.peers) {
    if (peer.place != place || peer.id == my_id()) continue;
    peer.linked = false;
    if (peer.ping_sent_us == 0) peer.ping_sent_us = now();
  }
  for (Handshake& handshake : handshakes_) {
    if (handshake.place == place) handshake.linked = false;
  }
}

}  // namespace keyway::simulation
