// Failovers of a sharded cluster: elections after a primary's failure, and handovers on request.
#include <algorithm>

#include "bus.h"
#include "server.h"

namespace keyway::simulation {
namespace {

constexpr int64_t kHandoverUs = 5'000'000;      // a handover is given up after this
constexpr int64_t kReplicaPingUs = 10'000'000;  // repl-ping-replica-period
constexpr int64_t kReplicaValidityFactor = 10;

}  // namespace

// A replica's part in the failover of its primary (clusterHandleSlaveFailover).
void Bus::handle_failover() {
  bool manual = handover_under_way() && handover_can_start_;
  int64_t timeout_us = std::max<int64_t>(2 * node_timeout_us_, 2'000'000);
  const Peer* primary = me().primary_id < 0 ? nullptr : find(me().primary_id);
  if (primary == nullptr || (!primary->fail && !manual) || !owns_slots(primary->id)) return;
  const Replication& replication = server_.replication;
  int64_t age_us = now() - (replication.in_stream() ? replication.last_heard_us : replication.link_down_us);
  if (age_us > node_timeout_us_) age_us -= node_timeout_us_;
  if (!manual && age_us > kReplicaPingUs + node_timeout_us_ * kReplicaValidityFactor) return;
  int64_t age_of_election_us = now() - auth_time_us_;
  if (auth_time_us_ == 0 || age_of_election_us > 2 * timeout_us) {
    auth_rank_ = handover_under_way() ? 0 : rank();
    auth_time_us_ = now() + 500'000 + server_.world.random.below(500'000) + auth_rank_ * 1'000'000;
    if (handover_under_way()) auth_time_us_ = now();
    auth_votes_ = 0;
    auth_sent_ = false;
    if (!handover_under_way()) return;
    age_of_election_us = 0;
  }
  if (!auth_sent_ && !handover_under_way()) {
    int new_rank = rank();
    if (new_rank > auth_rank_) {
      auth_time_us_ += (new_rank - auth_rank_) * 1'000'000;
      auth_rank_ = new_rank;
    }
  }
  if (now() < auth_time_us_ || age_of_election_us > timeout_us) return;
  if (!auth_sent_) {
    ++table_.current_epoch;
    auth_epoch_ = table_.current_epoch;
    if (server_.world.tracing) {
      server_.world.trace(fmt::format("{} asks for votes in epoch {}", server_.name(), auth_epoch_));
    }
    broadcast(BusMessage::Type::kAuthRequest);
    auth_sent_ = true;
    return;
  }
  if (auth_votes_ < size() / 2 + 1) return;
  myself().config_epoch = std::max(me().config_epoch, auth_epoch_);
  claim_ = manual ? Claim::kOrdered : Claim::kElected;
  promote();
}

// How many other replicas of the same primary are known to have more.
int Bus::rank() const {
  int better = 0;
  for (const Peer& peer : table_.peers) {
    if (peer.id == my_id() || peer.primary || peer.primary_id != me().primary_id) continue;
    if (peer.offset > server_.replication.offset) ++better;
  }
  return better;
}

// Takes over all slots of its primary. The epoch has been raised.
void Bus::promote() {
  int old = me().primary_id;
  if (is_primary() || old < 0) return;
  if (server_.world.tracing) {
    server_.world.trace(fmt::format("{} becomes the primary in epoch {} ({})", server_.name(),
                                    me().config_epoch, claim_ == Claim::kElected ? "elected" : "ordered"));
  }
  myself().primary = true;
  myself().primary_id = -1;
  server_.replication.become_primary();
  for (const cluster::SlotRange& range : table_.slots.of(old))
    table_.slots.set(range.first, range.last, my_id());
  if (server_.world.settings.flavour == Flavour::kRedis70) {
    table_.migrating.clear();
    table_.importing.clear();
  } else {
    auth_time_us_ =
        0;  // Redis 7.0 counts the votes of this election once more if it is followed by another soon
  }
  server_.world.ledger.takes_over(server_, claim_);
  update_state();
  broadcast(BusMessage::Type::kPong);
  reset_handover();
}

void Bus::vote(const BusMessage& message, Peer& sender) {
  if (!is_primary() || !owns_slots(my_id()) || !started_) return;
  if (message.current_epoch < table_.current_epoch || table_.last_vote_epoch == table_.current_epoch) return;
  Peer* primary = sender.primary_id < 0 ? nullptr : find(sender.primary_id);
  if (sender.primary || primary == nullptr || (!primary->fail && !message.force_ack)) return;
  if (primary->voted_at_us >= 0 && now() - primary->voted_at_us < 2 * node_timeout_us_) return;
  for (const cluster::SlotRange& range : *message.slots) {
    for (const SlotMap::Run& run : table_.slots.runs()) {
      if (run.last < range.first || run.first > range.last || run.owner == kNobody) continue;
      if (find(run.owner)->config_epoch > message.config_epoch) return;
    }
  }
  table_.last_vote_epoch = table_.current_epoch;
  primary->voted_at_us = now();
  if (sender.linked) send(sender.place, header(BusMessage::Type::kAuthAck));
}

std::string Bus::failover(bool force, bool takeover) {
  if (is_primary()) return "ERR You should send CLUSTER FAILOVER to a replica";
  const Peer* primary = me().primary_id < 0 ? nullptr : find(me().primary_id);
  if (primary == nullptr) return "ERR I'm a replica but my master is unknown to me";
  if ((primary->fail || !primary->linked) && !force && !takeover) {
    return "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE";
  }
  reset_handover();
  handover_end_us_ = now() + kHandoverUs;
  if (takeover) {
    bump_epoch();
    claim_ = Claim::kOrdered;
    promote();
  } else if (force) {
    handover_can_start_ = true;
    handle_failover();
  } else {
    Peer* to = find(me().primary_id);
    send_to(*to, BusMessage::Type::kMfStart);
  }
  return "";
}

void Bus::reset_handover() {
  if (handover_replica_ >= 0) paused_until_us_ = 0;
  handover_end_us_ = 0;
  handover_can_start_ = false;
  handover_replica_ = -1;
  handover_offset_ = -1;
}

// The primary's side: no more writes, and the replica is told up to where to read.
void Bus::start_handover(const BusMessage& message) {
  reset_handover();
  handover_end_us_ = now() + kHandoverUs;
  handover_replica_ = message.sender_id;
  paused_until_us_ = now() + 2 * kHandoverUs;
  if (Peer* replica = find(message.sender_id)) send_to(*replica, BusMessage::Type::kPing);
}

// The replica's side: it may start once it has everything.
void Bus::handle_handover() {
  if (!handover_under_way() || handover_can_start_ || handover_offset_ < 0) return;
  if (handover_offset_ == server_.replication.offset) handover_can_start_ = true;
}

}  // namespace keyway::simulation
