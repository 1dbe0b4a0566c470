// Replication as a server does it: histories (replication ids) and offsets, partial and full copies, the
// stream with its lag, and the handover of a server outside of a sharded cluster (FAILOVER TO). Owned by its
// server; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "place.h"
#include "resp/reply.h"

namespace keyway::simulation {

class Server;
enum class Cause;

class Replication {
 public:
  enum class State {
    kNone,      // a primary, or a replica of nobody
    kConnect,   // looks for its primary
    kTransfer,  // receives a full copy; still has what it had before
    kLoad,      // loads it: has nothing
    kStream,
  };

  explicit Replication(Server& server) : server_(server) {}

  // What INFO tells.
  bool is_replica = false;
  int primary_place = -1;  // whom it follows; -1 on a replica: nobody
  State state = State::kNone;
  std::string replid;
  std::string replid2;
  int64_t offset = 0;
  int64_t second_offset = -1;
  int64_t last_heard_us = 0;  // of a replica: its primary
  int64_t link_down_us = 0;   // since when it is not in the stream
  int64_t primary_since_us = 0;
  enum class Handover { kNone, kWaiting, kInProgress } handover = Handover::kNone;

  bool in_stream() const { return state == State::kStream; }
  bool syncing() const { return state == State::kTransfer || state == State::kLoad; }

  // The start of its life: takes over what the snapshot told.
  void begin(const std::string& disk_replid, int64_t disk_offset);
  // Becomes the replica of the server at `place` (-1: of nobody).
  void follow(int place);
  // Becomes a primary with a new history that goes on from the old one.
  void become_primary();

  // A change of one key: value 0 deletes. `moved`: the key has gone to another shard.
  void apply_write(int key, int64_t value, bool moved);

  // Another process has ended, or has turned its replicas away.
  void peer_gone(int place);
  void cron();

  bool handing_over() const { return handover != Handover::kNone; }
  resp::Reply start_handover(int to_place, int64_t timeout_us, bool force);
  resp::Reply abort_handover();

  // Of a primary: whether every connected replica has all of it.
  bool replicas_have_all() const;
  struct Follower {
    int place = -1;
    int pid = -1;
    bool online = false;  // in the stream
    int64_t acked = 0;    // its offset as far as the primary knows
    bool pump_due = false;
  };
  const std::vector<Follower>& followers() const { return followers_; }

 private:
  struct Change {
    int64_t end_offset;
    int key;
    int64_t value;
    bool moved;
  };

  void try_connect();
  bool can_continue(const Replication& primary) const;
  void start_full_copy(Server& primary);
  void finish_transfer(int primary_place, int primary_pid, Values values, std::string history, int64_t at);
  void finish_load(const std::string& history, int64_t at, bool current);
  void enter_stream(Server& primary);
  void lose_link();
  void drop_followers();
  Follower* follower(int place, int pid);
  void pump_all();
  void schedule_pump(Follower& to, int64_t delay_us);
  void pump(int place, int pid);
  void receive(const Change& change);
  void append(int key, int64_t value, bool moved);
  void check_handover();
  void finish_handover(int to_place, int to_pid, bool force);

  Server& server_;
  std::vector<Follower> followers_;
  std::deque<Change> backlog_;
  int64_t backlog_start_ = 0;  // changes after this offset are in the backlog
  uint64_t attempt_ = 0;  // counts syncs, so that a late end of a cut-off one is told from the present one
  int handover_to_ = -1;
  int64_t handover_end_us_ = 0;
  bool handover_force_ = false;
};

}  // namespace keyway::simulation
