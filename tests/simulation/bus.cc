#include "bus.h"

#include <algorithm>

#include "server.h"

namespace keyway::simulation {
namespace {

constexpr int64_t kWritableDelayUs = 2'000'000;  // a primary takes no writes for so long after its start
constexpr int64_t kBanUs = 60'000'000;           // of a forgotten id

}  // namespace

Bus::Bus(Server& server, NodeTable table, int64_t node_timeout_us)
    : server_(server), table_(std::move(table)), node_timeout_us_(node_timeout_us) {
  for (Peer& peer : table_.peers) {
    peer.linked = false;
    peer.ping_sent_us = 0;
    peer.pong_received_us = 0;
    peer.pfail = false;
    peer.reports.clear();
    if (!peer.primary) peer.config_epoch = 0;  // a replica's own epoch is not read from the file
    table_.current_epoch = std::max(table_.current_epoch, peer.config_epoch);
  }
}

int64_t Bus::now() const { return server_.world.now_us(); }

Peer* Bus::find(int id) {
  auto at = std::lower_bound(table_.peers.begin(), table_.peers.end(), id,
                             [](const Peer& peer, int wanted) { return peer.id < wanted; });
  return at != table_.peers.end() && at->id == id ? &*at : nullptr;
}

Peer& Bus::add_peer(int id, int place) {
  auto at = std::lower_bound(table_.peers.begin(), table_.peers.end(), id,
                             [](const Peer& peer, int wanted) { return peer.id < wanted; });
  Peer peer;
  peer.id = id;
  peer.place = place;
  state_dirty_ = true;
  return *table_.peers.insert(at, peer);
}

void Bus::remove_peer(int id) {
  table_.slots.clear_owner(id);
  std::erase_if(table_.migrating, [id](const auto& open) { return open.second == id; });
  std::erase_if(table_.importing, [id](const auto& open) { return open.second == id; });
  std::erase_if(table_.peers, [id](const Peer& peer) { return peer.id == id; });
  for (Peer& peer : table_.peers) {
    if (peer.primary_id == id) peer.primary_id = -1;
    std::erase_if(peer.reports, [id](const auto& report) { return report.first == id; });
  }
  state_dirty_ = true;
}

int Bus::size() const {
  int count = 0;
  for (const Peer& peer : table_.peers) count += peer.primary && owns_slots(peer.id) ? 1 : 0;
  return count;
}

void Bus::start() {
  started_ = true;
  if (!is_primary() && me().primary_id >= 0) {
    const Peer* primary = find(me().primary_id);
    server_.replication.is_replica = true;
    if (primary != nullptr) server_.replication.follow(primary->place);
  }
  if (is_primary() && owns_slots(my_id())) server_.world.ledger.takes_over(server_, Claim::kStarted);
  cron();
}

void Bus::set_master(int id) {
  Peer& self = myself();
  self.primary = false;
  self.primary_id = id;
  table_.migrating.clear();
  table_.importing.clear();
  const Peer* primary = find(id);
  if (server_.world.tracing) {
    server_.world.trace(fmt::format("{} becomes a replica of {}", server_.name(),
                                    primary->place < 0 ? "?" : server_.world.place(primary->place).name));
  }
  server_.replication.follow(primary->place);
  reset_handover();
  state_dirty_ = true;
}

// The server's cluster_state, as clusterUpdateState computes it.
void Bus::update_state() {
  state_dirty_ = false;
  if (first_update_us_ < 0) first_update_us_ = now();
  if (is_primary() && !ok_ && now() - first_update_us_ < kWritableDelayUs) {
    state_dirty_ = true;
    return;
  }
  bool good = table_.slots.complete();
  int primaries = 0;
  int reachable = 0;
  for (const Peer& peer : table_.peers) {
    if (!owns_slots(peer.id)) continue;
    good = good && !peer.fail;
    if (!peer.primary) continue;
    ++primaries;
    if (!peer.fail && !peer.pfail) ++reachable;
  }
  if (reachable < primaries / 2 + 1) {
    good = false;
    minority_us_ = now();
  }
  if (good == ok_) {
    note_authority();
    return;
  }
  int64_t rejoin_delay_us = std::clamp<int64_t>(node_timeout_us_, 500'000, 5'000'000);
  if (good && is_primary() && minority_us_ >= 0 && now() - minority_us_ < rejoin_delay_us) {
    state_dirty_ = true;
    return;
  }
  ok_ = good;
  if (server_.world.tracing) {
    server_.world.trace(fmt::format("{} sees cluster_state:{}", server_.name(), ok_ ? "ok" : "fail"));
  }
  note_authority();
}

// Tells the ledger when this server begins to take writes.
void Bus::note_authority() {
  bool takes = ok_ && is_primary() && owns_slots(my_id()) && server_.serving();
  bool begins = takes && !takes_writes_;
  takes_writes_ = takes;
  if (!begins) return;
  if (server_.world.tracing) server_.world.trace(server_.name() + " takes writes");
  server_.world.ledger.takes_over(server_, claim_);
}

int Bus::count_reports(Peer& peer) {
  std::erase_if(peer.reports,
                [this](const auto& report) { return now() - report.second > 2 * node_timeout_us_; });
  return static_cast<int>(peer.reports.size());
}

// Turns a suspicion into a failure if most primaries share it.
void Bus::mark_failing(Peer& peer) {
  if (!peer.pfail || peer.fail) return;
  int failures = count_reports(peer) + (is_primary() ? 1 : 0);
  if (failures < size() / 2 + 1) return;
  peer.pfail = false;
  peer.fail = true;
  peer.fail_at_us = now();
  state_dirty_ = true;
  if (server_.world.tracing) {
    server_.world.trace(fmt::format("{} marks {} as failing", server_.name(),
                                    peer.place < 0 ? "?" : server_.world.place(peer.place).name));
  }
  if (is_primary()) broadcast_fail(peer.id);
}

// A failing node has answered.
void Bus::clear_failure(Peer& peer) {
  bool free = !peer.primary || !owns_slots(peer.id);
  if (!free && now() - peer.fail_at_us <= 2 * node_timeout_us_) return;
  peer.fail = false;
  state_dirty_ = true;
}

void Bus::delete_keys_in(const cluster::SlotRanges& ranges) {
  bool gone = false;
  for (size_t key = 0; key < server_.values.size(); ++key) {
    if (server_.values[key] == 0) continue;
    if (!cluster::contains(ranges, static_cast<cluster::Slot>(server_.world.key_slots[key]))) continue;
    server_.replication.apply_write(static_cast<int>(key), 0, false);
    gone = true;
  }
  if (gone)
    server_.world.ledger.copy_gone(Cause::kServers, server_.place, "it lost the slots while it had keys");
}

void Bus::meet(int place) {
  for (const Handshake& known : handshakes_) {
    if (known.place == place) return;
  }
  handshakes_.push_back(Handshake{place, now(), true, false});
}

std::string Bus::replicate(int id) {
  const Peer* primary = find(id);
  if (primary == nullptr) return "ERR Unknown node";
  if (id == my_id()) return "ERR Can't replicate myself";
  if (!primary->primary) return "ERR I can only replicate a master, not a replica.";
  if (is_primary() && (owns_slots(my_id()) || server_.total_keys() != 0)) {
    return "ERR To set a master the node must be empty and without assigned slots.";
  }
  set_master(id);
  update_state();
  return "";
}

std::string Bus::forget(int id) {
  if (find(id) == nullptr) return "ERR Unknown node";
  if (id == my_id()) return "ERR I tried hard but I can't forget myself...";
  if (!is_primary() && me().primary_id == id) return "ERR Can't forget my master!";
  banned_[id] = now() + kBanUs;
  remove_peer(id);
  update_state();
  return "";
}

std::string Bus::set_config_epoch(uint64_t epoch) {
  if (table_.peers.size() > 1) {
    return "ERR The user can assign a config epoch only when the node does not know any other node.";
  }
  if (me().config_epoch != 0) return "ERR Node config epoch is already non-zero";
  myself().config_epoch = epoch;
  table_.current_epoch = std::max(table_.current_epoch, epoch);
  return "";
}

bool Bus::bump_epoch() {
  uint64_t highest = table_.current_epoch;
  for (const Peer& peer : table_.peers) highest = std::max(highest, peer.config_epoch);
  if (me().config_epoch != 0 && me().config_epoch == highest) return false;
  table_.current_epoch = highest + 1;
  myself().config_epoch = highest + 1;
  return true;
}

}  // namespace keyway::simulation
