// What everything in a worker works with: the sockets' readiness, the memory, the time of this turn, and what
// is to be done at the end of it. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/chunk.h"
#include "proxy/poller.h"
#include "proxy/request.h"

namespace keyway::proxy {

// A connection. What it has to write is written at the end of the turn, in one call.
class Peer : public Pollable {
 public:
  virtual void flush() = 0;
  // Goes on with what it had to leave undone.
  virtual void go_on() = 0;

 private:
  friend class Loop;
  bool to_flush_ = false;
  bool to_go_on_ = false;
  bool to_read_ = false;
};

class Loop {
 public:
  Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Poller& poller() { return poller_; }
  ChunkPool& pool() { return pool_; }
  RequestPool& requests() { return requests_; }

  // The time at which this turn began, of a clock that only goes forward.
  int64_t now_us() const { return now_us_; }
  int64_t now_ms() const { return now_us_ / 1000; }

  // A chunk with at least `room_bytes` at its tail, to read into.
  const ChunkRef& read_chunk(size_t room_bytes);

  // Servers' connections are flushed before clients'.
  void flush_server_later(Peer& peer) { note(servers_to_flush_, peer, peer.to_flush_); }
  void flush_client_later(Peer& peer) { note(clients_to_flush_, peer, peer.to_flush_); }
  void go_on_later(Peer& peer) { note(to_go_on_, peer, peer.to_go_on_); }
  // In the next turn it is told that it can read, whatever its socket says: some has been read ahead.
  void read_on_later(Peer& peer) { note(to_read_, peer, peer.to_read_); }
  // Keeps a closed connection until nobody can hold a pointer to it any more.
  void bury(std::unique_ptr<Peer> peer);

  // Waits for up to `timeout_ms`, lets whoever is ready do its work.
  void turn(int timeout_ms);
  // Everything that was put off, and what follows from it.
  void finish_turn();

 private:
  template <typename Act>
  void carry_out(std::vector<Peer*>& list, bool Peer::* noted, Act act);
  static void note(std::vector<Peer*>& list, Peer& peer, bool& noted) {
    if (noted) return;
    noted = true;
    list.push_back(&peer);
  }

  ChunkPool pool_;  // outlives whoever holds chunks
  RequestPool requests_;
  Poller poller_;
  ChunkRef read_chunk_;
  int64_t now_us_ = 0;
  std::vector<Peer*> servers_to_flush_;
  std::vector<Peer*> clients_to_flush_;
  std::vector<Peer*> to_go_on_;
  std::vector<Peer*> to_read_;
  std::vector<Peer*> in_hand_;
  std::vector<std::unique_ptr<Peer>> buried_;
};

}  // namespace keyway::proxy
