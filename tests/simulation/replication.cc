#include "replication.h"

#include <algorithm>

#include "server.h"

namespace keyway::simulation {
namespace {

constexpr int64_t kLinkTimeoutUs = 60'000'000;  // repl-timeout
constexpr int64_t kChangeBytes = 64;            // of the stream, for each change
constexpr size_t kBacklogChanges = 2000;
constexpr int64_t kStalledUs = 200'000;

}  // namespace

void Replication::begin(const std::string& disk_replid, int64_t disk_offset) {
  replid = server_.world.new_hex_id();
  replid2.assign(40, '0');
  second_offset = -1;
  offset = 0;
  if (!disk_replid.empty()) {
    offset = disk_offset;
    if (is_replica) {
      replid = disk_replid;
    } else {
      replid2 = disk_replid;
      second_offset = disk_offset + 1;
    }
  }
  backlog_start_ = offset;
  link_down_us = server_.world.now_us();
  primary_since_us = server_.world.now_us();
}

void Replication::follow(int place) {
  bool same = is_replica && primary_place == place && state != State::kNone;
  if (same) return;
  lose_link();
  is_replica = true;
  primary_place = place;
  state = place < 0 ? State::kNone : State::kConnect;
  link_down_us = server_.world.now_us();
  ++attempt_;
  handover = Handover::kNone;
  drop_followers();
  server_.world.on_server(server_.place, server_.pid, 300,
                          [](Server& self) { self.replication.try_connect(); });
}

void Replication::become_primary() {
  if (!is_replica) return;
  lose_link();
  is_replica = false;
  primary_place = -1;
  primary_since_us = server_.world.now_us();
  state = State::kNone;
  ++attempt_;
  replid2 = replid;
  second_offset = offset + 1;
  replid = server_.world.new_hex_id();
  drop_followers();
}

// Leaves the primary's list of followers.
void Replication::lose_link() {
  if (primary_place < 0) return;
  if (Server* primary = server_.world.server(primary_place)) {
    std::erase_if(primary->replication.followers_,
                  [this](const Follower& f) { return f.place == server_.place && f.pid == server_.pid; });
  }
}

void Replication::drop_followers() {
  std::vector<Follower> dropped = std::move(followers_);
  followers_.clear();
  for (const Follower& f : dropped) {
    int from = server_.place;
    server_.world.on_server(f.place, f.pid, 200, [from](Server& self) { self.replication.peer_gone(from); });
  }
}

void Replication::peer_gone(int place) {
  std::erase_if(followers_, [place](const Follower& f) { return f.place == place; });
  if (!is_replica || primary_place != place) return;
  if (state == State::kStream || state == State::kTransfer) {
    state = State::kConnect;
    link_down_us = server_.world.now_us();
    ++attempt_;
  }
  // A copy that is being loaded is whole: loading goes on, and the link is found lost after it.
}

void Replication::cron() {
  int64_t now = server_.world.now_us();
  if (state == State::kConnect) try_connect();
  if (state == State::kStream) {
    Server* primary = server_.world.server(primary_place);
    bool heard =
        primary != nullptr && !primary->paused && !server_.world.network.cut(primary_place, server_.place);
    bool known = primary != nullptr && primary->replication.follower(server_.place, server_.pid) != nullptr;
    if (heard) last_heard_us = now;
    if (!known || now - last_heard_us > kLinkTimeoutUs) {
      lose_link();
      state = State::kConnect;
      link_down_us = now;
      ++attempt_;
    }
  }
  check_handover();
}

void Replication::try_connect() {
  World& world = server_.world;
  if (state != State::kConnect || primary_place == server_.place || !server_.serving()) return;
  Server* primary = world.server(primary_place);
  if (primary == nullptr || !primary->serving() || primary->paused) return;
  if (world.network.cut_any(primary_place, server_.place)) return;
  const Replication& theirs = primary->replication;
  if (theirs.is_replica && !theirs.in_stream()) return;  // -NOMASTERLINK
  if (primary->closing) return;
  if (can_continue(theirs)) {
    if (replid != theirs.replid) {
      replid2 = replid;
      second_offset = offset + 1;
      replid = theirs.replid;
    }
    enter_stream(*primary);
  } else {
    start_full_copy(*primary);
  }
}

bool Replication::can_continue(const Replication& primary) const {
  if (offset < primary.backlog_start_ || offset > primary.offset) return false;
  if (replid == primary.replid) return true;
  return replid == primary.replid2 && offset + 1 <= primary.second_offset;
}

void Replication::start_full_copy(Server& primary) {
  World& world = server_.world;
  state = State::kTransfer;
  uint64_t attempt = ++attempt_;
  last_heard_us = world.now_us();
  if (world.tracing) world.trace(server_.name() + " starts a full copy from " + primary.name());
  Replication& theirs = primary.replication;
  std::erase_if(theirs.followers_, [this](const Follower& f) { return f.place == server_.place; });
  theirs.followers_.push_back(Follower{server_.place, server_.pid, false, 0, false});
  int from = primary.place;
  int from_pid = primary.pid;
  world.on_server(server_.place, server_.pid, server_.home().transfer_ms * 1000,
                  [attempt, from, from_pid, values = primary.values, history = theirs.replid,
                   at = theirs.offset](Server& self) {
                    if (self.replication.attempt_ != attempt) return;
                    self.replication.finish_transfer(from, from_pid, values, history, at);
                  });
}

void Replication::finish_transfer(int from, int from_pid, Values values, std::string history, int64_t at) {
  World& world = server_.world;
  Server* primary = world.server(from, from_pid);
  if (primary == nullptr || primary->paused || world.network.cut(from, server_.place)) {
    lose_link();
    state = State::kConnect;
    return;
  }
  // The received file replaces the old snapshot, then memory is emptied and the file loaded.
  Disk& disk = server_.home().disk;
  disk.has_data = true;
  disk.loadable = true;
  disk.values = std::move(values);
  disk.replid = history;
  disk.offset = at;
  state = State::kLoad;
  server_.life = Life::kLoading;
  server_.drop_values(Cause::kServers, "a full copy from its primary replaced it");
  drop_followers();
  uint64_t attempt = attempt_;
  world.on_server(server_.place, server_.pid, server_.home().load_ms * 1000,
                  [attempt, history = std::move(history), at](Server& self) {
                    self.replication.finish_load(history, at, self.replication.attempt_ == attempt);
                  });
}

void Replication::finish_load(const std::string& history, int64_t at, bool current) {
  World& world = server_.world;
  server_.values = server_.home().disk.values;
  server_.life = Life::kServing;
  replid = history;
  replid2.assign(40, '0');
  second_offset = -1;
  offset = at;
  backlog_.clear();
  backlog_start_ = at;
  if (!current) return;  // it has been told to follow another one
  Server* primary = world.server(primary_place);
  bool connected = primary != nullptr &&
                   primary->replication.follower(server_.place, server_.pid) != nullptr &&
                   primary->replication.replid == history;
  if (connected) {
    enter_stream(*primary);
  } else {
    state = State::kConnect;
    link_down_us = world.now_us();
  }
}

void Replication::enter_stream(Server& primary) {
  World& world = server_.world;
  state = State::kStream;
  last_heard_us = world.now_us();
  Replication& theirs = primary.replication;
  Follower* mine = theirs.follower(server_.place, server_.pid);
  if (mine == nullptr) {
    theirs.followers_.push_back(Follower{server_.place, server_.pid, true, offset, false});
    mine = &theirs.followers_.back();
  }
  mine->online = true;
  if (server_.bus != nullptr && primary.bus != nullptr) server_.bus->adopt_open_slots(*primary.bus);
  mine->acked = offset;
  if (world.tracing) world.trace(server_.name() + " is in the stream of " + primary.name());
  theirs.schedule_pump(*mine, 300);
}

Replication::Follower* Replication::follower(int place, int pid) {
  for (Follower& f : followers_) {
    if (f.place == place && f.pid == pid) return &f;
  }
  return nullptr;
}

void Replication::apply_write(int key, int64_t value, bool moved) {
  server_.values[static_cast<size_t>(key)] = value;
  append(key, value, moved);
}

void Replication::append(int key, int64_t value, bool moved) {
  offset += kChangeBytes;
  backlog_.push_back(Change{offset, key, value, moved});
  if (backlog_.size() > kBacklogChanges) {
    backlog_start_ = backlog_.front().end_offset;
    backlog_.pop_front();
  }
  pump_all();
}

void Replication::pump_all() {
  for (Follower& f : followers_) {
    if (f.online) schedule_pump(f, server_.world.place(f.place).lag_us);
  }
}

void Replication::schedule_pump(Follower& to, int64_t delay_us) {
  if (to.pump_due) return;
  to.pump_due = true;
  server_.world.on_server(
      server_.place, server_.pid, delay_us,
      [place = to.place, pid = to.pid](Server& self) { self.replication.pump(place, pid); });
}

void Replication::pump(int place, int pid) {
  Follower* to = follower(place, pid);
  if (to == nullptr) return;
  to->pump_due = false;
  Server* replica = server_.world.server(place, pid);
  if (replica == nullptr || !to->online) return;
  if (replica->paused || server_.world.network.cut(server_.place, place)) {
    schedule_pump(*to, kStalledUs);  // the bytes wait in the sockets
    return;
  }
  Replication& theirs = replica->replication;
  if (theirs.state != State::kStream || theirs.primary_place != server_.place) return;
  theirs.last_heard_us = server_.world.now_us();
  auto first = std::upper_bound(backlog_.begin(), backlog_.end(), theirs.offset,
                                [](int64_t at, const Change& change) { return at < change.end_offset; });
  for (auto change = first; change != backlog_.end(); ++change) theirs.receive(*change);
  to->acked = theirs.offset;
  check_handover();
}

void Replication::receive(const Change& change) {
  int64_t& value = server_.values[static_cast<size_t>(change.key)];
  int64_t before = value;
  value = change.value;
  append(change.key, change.value, change.moved);
  offset = change.end_offset;
  if (change.value < before) {
    server_.world.ledger.copy_gone(Cause::kReplicated, server_.place, "a deletion was replicated");
  }
}

bool Replication::replicas_have_all() const {
  return std::all_of(followers_.begin(), followers_.end(),
                     [this](const Follower& f) { return !f.online || f.acked >= offset; });
}

resp::Reply Replication::start_handover(int to_place, int64_t timeout_us, bool force) {
  auto error = [](const char* text) { return resp::Reply{resp::ReplyType::kError, 0, 0, text, {}}; };
  if (handing_over()) return error("ERR FAILOVER already in progress.");
  if (is_replica) return error("ERR FAILOVER is not valid when server is a replica.");
  if (followers_.empty()) return error("ERR FAILOVER requires connected replicas.");
  if (to_place >= 0) {
    bool found = std::any_of(followers_.begin(), followers_.end(),
                             [to_place](const Follower& f) { return f.place == to_place; });
    if (!found) return error("ERR FAILOVER target HOST and PORT is not a replica.");
  }
  handover = Handover::kWaiting;
  handover_to_ = to_place;
  handover_force_ = force;
  handover_end_us_ = timeout_us > 0 ? server_.world.now_us() + timeout_us : 0;
  server_.world.on_server(server_.place, server_.pid, 1000,
                          [](Server& self) { self.replication.check_handover(); });
  return resp::Reply{resp::ReplyType::kStatus, 0, 0, "OK", {}};
}

resp::Reply Replication::abort_handover() {
  if (!handing_over()) {
    return resp::Reply{resp::ReplyType::kError, 0, 0, "ERR No failover in progress.", {}};
  }
  handover = Handover::kNone;
  return resp::Reply{resp::ReplyType::kStatus, 0, 0, "OK", {}};
}

void Replication::check_handover() {
  if (handover != Handover::kWaiting) return;
  for (const Follower& f : followers_) {
    bool wanted = handover_to_ < 0 || f.place == handover_to_;
    if (!wanted || !f.online || f.acked != offset) continue;
    handover = Handover::kInProgress;
    server_.world.on_server(server_.place, server_.pid, 500, [to = f.place, pid = f.pid](Server& self) {
      self.replication.finish_handover(to, pid, false);
    });
    return;
  }
  if (handover_end_us_ == 0 || server_.world.now_us() < handover_end_us_) return;
  if (!handover_force_ || handover_to_ < 0) {
    handover = Handover::kNone;
    return;
  }
  const Server* target = server_.world.server(handover_to_);
  finish_handover(handover_to_, target == nullptr ? 0 : target->pid, true);
}

// The primary follows the target with PSYNC … FAILOVER, which makes the target a primary.
void Replication::finish_handover(int to_place, int to_pid, bool force) {
  World& world = server_.world;
  if (!handing_over()) return;
  handover = Handover::kNone;
  Server* target = world.server(to_place, to_pid);
  bool possible = target != nullptr && target->serving() && !target->paused &&
                  !world.network.cut_any(to_place, server_.place) &&
                  (force || (target->replication.in_stream() && target->replication.offset == offset));
  if (!possible) return;
  if (world.tracing) world.trace(server_.name() + " hands over to " + target->name());
  target->replication.become_primary();
  world.ledger.takes_over(*target, Claim::kOrdered);
  follow(to_place);
}

}  // namespace keyway::simulation
