#include "proxy/loop.h"

#include <chrono>

namespace keyway::proxy {

namespace {

int64_t clock_us() {
  auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

}  // namespace

const ChunkRef& Loop::read_chunk(size_t room_bytes) {
  if (read_chunk_ && read_chunk_->users == 1) read_chunk_->used_bytes = 0;
  if (!read_chunk_ || read_chunk_->room_bytes() < room_bytes) {
    read_chunk_ = pool_.take(std::max(room_bytes, ChunkPool::kChunkBytes));
  }
  return read_chunk_;
}

void Loop::bury(std::unique_ptr<Peer> peer) {
  if (peer->to_read_) std::erase(to_read_, peer.get());
  buried_.push_back(std::move(peer));
}

template <typename Act>
void Loop::carry_out(std::vector<Peer*>& list, bool Peer::* noted, Act act) {
  in_hand_.swap(list);
  for (Peer* peer : in_hand_) {
    peer->*noted = false;
    act(*peer);
  }
  in_hand_.clear();
}

void Loop::turn(int timeout_ms) {
  poller_.wait(to_read_.empty() ? timeout_ms : 0, [this] { now_us_ = clock_us(); });
  carry_out(to_read_, &Peer::to_read_, [](Peer& peer) { peer.ready({.readable = true}); });
}

void Loop::finish_turn() {
  while (!to_go_on_.empty() || !servers_to_flush_.empty() || !clients_to_flush_.empty()) {
    carry_out(to_go_on_, &Peer::to_go_on_, [](Peer& peer) { peer.go_on(); });
    carry_out(servers_to_flush_, &Peer::to_flush_, [](Peer& peer) { peer.flush(); });
    carry_out(clients_to_flush_, &Peer::to_flush_, [](Peer& peer) { peer.flush(); });
  }
  buried_.clear();
}

}  // namespace keyway::proxy
