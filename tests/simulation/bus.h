// The cluster bus of one server: its node table, the messages it exchanges, failure detection, epochs,
// elections and handovers. Follows the real servers' cluster code (Redis 7.0; differences of Valkey 8 where
// Flavour says so) closely enough that everything Keyway can see or break is there. Owned by its server; one
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/slots.h"
#include "ledger.h"
#include "peer.h"
#include "place.h"
#include "slot_map.h"

namespace keyway::simulation {

class Server;

struct BusMessage {
  enum class Type { kPing, kPong, kMeet, kFail, kAuthRequest, kAuthAck, kMfStart, kUpdate };
  Type type = Type::kPing;
  int sender_id = -1;
  int sender_place = -1;
  int asked_id = -1;  // of a pong: whom the ping was meant for
  uint64_t current_epoch = 0;
  uint64_t config_epoch = 0;  // of the sender, or of its primary
  bool primary = true;
  int primary_id = -1;
  std::shared_ptr<const cluster::SlotRanges> slots;  // of the sender, or of its primary
  int64_t offset = 0;
  bool writes_paused = false;  // for a handover
  bool force_ack = false;      // a vote asked for though the primary lives
  struct Gossip {
    int id;
    int place;
    bool primary;
    bool fail;
    bool pfail;
    int64_t pong_us;
  };
  std::vector<Gossip> gossip;
  int about_id = -1;  // kFail, kUpdate
  uint64_t about_epoch = 0;
  std::shared_ptr<const cluster::SlotRanges> about_slots;
};

class Bus {
 public:
  Bus(Server& server, NodeTable table, int64_t node_timeout_us);

  // Begins to take part: the server has loaded its data.
  void start();
  void cron();
  void receive(const BusMessage& message);
  // The process at `place` has ended: its connections are closed.
  void peer_gone(int place);
  // What nodes.conf would say now.
  NodeTable save() const { return table_; }

  // The table.
  int my_id() const { return table_.myself; }
  const NodeTable& table() const { return table_; }
  const Peer& me() const { return *find(table_.myself); }
  Peer* find(int id);
  const Peer* find(int id) const { return const_cast<Bus*>(this)->find(id); }
  const std::vector<Handshake>& handshakes() const { return handshakes_; }
  bool ok() const { return ok_; }
  int size() const;  // primaries with slots
  bool is_primary() const { return me().primary; }
  int owner(int slot) const { return table_.slots.owner(slot); }
  bool owns_slots(int id) const { return table_.slots.owns_any(id); }

  // What the commands do. Those that return text return the error, empty if it worked.
  void meet(int place);
  std::string replicate(int id);
  std::string forget(int id);
  std::string failover(bool force, bool takeover);
  std::string set_config_epoch(uint64_t epoch);
  bool bump_epoch();  // false: it has the highest one already
  std::string add_slots(const cluster::SlotRanges& ranges);
  std::string delete_slots(const cluster::SlotRanges& ranges);
  std::string set_slot_migrating(int slot, int id);
  std::string set_slot_importing(int slot, int id);
  void set_slot_stable(int slot);
  void adopt_open_slots(const Bus& primary);  // of a replica, from its primary
  std::string set_slot_node(int slot, int id);

  bool paused_for_handover() const { return paused_until_us_ > now(); }

 private:
  friend class BusMessages;
  // bus.cc
  int64_t now() const;
  Peer& myself() { return *find(table_.myself); }
  Peer& add_peer(int id, int place);
  void remove_peer(int id);
  void set_master(int id);
  void update_state();
  void note_authority();
  void mark_failing(Peer& peer);
  int count_reports(Peer& peer);
  void clear_failure(Peer& peer);
  void delete_keys_in(const cluster::SlotRanges& ranges);
  void replicate_open_slots();

  // bus_cron.cc
  void connect(Peer& peer);
  void connect(Handshake& handshake);
  void ping_one_of_some();
  bool watch(Peer& peer);

  // bus_messages.cc
  BusMessage header(BusMessage::Type type) const;
  void add_gossip(BusMessage& message);
  void send(int place, BusMessage message);
  void send_to(Peer& peer, BusMessage::Type type);
  void broadcast(BusMessage::Type type);
  void broadcast_fail(int about);
  void handle_ping(const BusMessage& message, Peer* sender);
  void handle_config(const BusMessage& message, Peer& sender);
  void note_role(const BusMessage& message, Peer& sender);
  void repoint_open_slots(const Peer& sender);
  void handle_gossip(const BusMessage& message, Peer* sender);
  void handle_pong(const BusMessage& message, Peer* sender);
  void handle_update(const BusMessage& message);
  cluster::SlotRanges claimable(int sender_id, uint64_t epoch, const cluster::SlotRanges& slots) const;
  void update_slots(int sender_id, uint64_t epoch, const cluster::SlotRanges& slots);
  void handle_collision(const BusMessage& message);

  // election.cc
  void handle_failover();
  int rank() const;
  void promote();
  void vote(const BusMessage& message, Peer& sender);
  void reset_handover();
  void handle_handover();
  void start_handover(const BusMessage& message);
  bool handover_under_way() const { return handover_end_us_ != 0; }

  Server& server_;
  NodeTable table_;
  const int64_t node_timeout_us_;
  std::vector<Handshake> handshakes_;
  cluster::SlotRanges unclaimed_;  // slots whose owner no longer claims them: free for whoever does
  std::map<int, int64_t> banned_;  // forgotten ids: until when gossip may not bring them back
  bool started_ = false;
  bool ok_ = false;
  bool takes_writes_ = false;
  bool state_dirty_ = true;
  int64_t first_update_us_ = -1;
  int64_t minority_us_ = -1;
  int64_t crons_ = 0;

  // Election of myself.
  int64_t auth_time_us_ = 0;  // when it is to begin
  int auth_votes_ = 0;
  bool auth_sent_ = false;
  int auth_rank_ = 0;
  uint64_t auth_epoch_ = 0;
  Claim claim_ = Claim::kStarted;  // how it became a primary last

  // Handover (manual failover), of both sides.
  int64_t handover_end_us_ = 0;
  bool handover_can_start_ = false;
  int handover_replica_ = -1;     // on the primary
  int64_t handover_offset_ = -1;  // on the replica: the primary's offset when it had paused writes
  int64_t paused_until_us_ = 0;
};

}  // namespace keyway::simulation
