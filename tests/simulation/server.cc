#include "server.h"

#include <algorithm>

#include "base/strings.h"

namespace keyway::simulation {
namespace {

constexpr int64_t kCronUs = 100'000;
constexpr int64_t kBootUs = 8'000;             // from its start until it listens
constexpr int64_t kCloseLimitUs = 10'000'000;  // shutdown-timeout

int64_t node_timeout_us(const World& world, const cluster::ServerConfig& config) {
  auto set = config.find("cluster-node-timeout");
  if (set == config.end()) return world.settings.node_timeout_us;
  return parse_int(set->second).value_or(world.settings.node_timeout_us / 1000) * 1000;
}

}  // namespace

Server::Server(World& world_in, int place_in, int pid_in, Launch launch)
    : world(world_in),
      place(place_in),
      pid(pid_in),
      started_us(world_in.now_us()),
      config(launch.config),
      users(launch.users),
      values(world_in.key_names.size(), 0),
      replication(*this),
      launch_(std::move(launch)) {
  world.on_server(place, pid, kBootUs, [](Server& self) { self.boot(); });
}

bool Server::is_primary() const { return bus != nullptr ? bus->is_primary() : !replication.is_replica; }

void Server::boot() {
  if (home().failing_starts > 0) {
    --home().failing_starts;
    world.end(place, Exit::kBootFailed);
    return;
  }
  life = Life::kLoading;
  Disk& disk = home().disk;
  if (world.settings.sharded) {
    bus = std::make_unique<Bus>(*this, disk.table, node_timeout_us(world, config));
    replication.is_replica = !bus->is_primary();
  } else {
    replication.is_replica = launch_.hold || launch_.follow >= 0;
  }
  bool damaged = disk.has_data && !disk.loadable;
  int64_t duration_us = disk.has_data ? home().load_ms * 1000 : 0;
  world.on_server(place, pid, duration_us, [damaged](Server& self) {
    if (damaged) {
      self.world.end(self.place, Exit::kUnloadable);
    } else {
      self.load();
    }
  });
}

void Server::load() {
  const Disk& disk = home().disk;
  if (disk.has_data) values = disk.values;
  replication.begin(disk.has_data ? disk.replid : std::string(), disk.offset);
  serve();
}

void Server::serve() {
  life = Life::kServing;
  if (world.tracing) {
    world.trace(
        fmt::format("{} serves, {} keys, {}", name(), total_keys(), is_primary() ? "primary" : "replica"));
  }
  if (bus != nullptr) {
    bus->start();
  } else if (replication.is_replica) {
    replication.is_replica = false;  // follow() turns it back, and makes it connect
    replication.follow(launch_.hold ? -1 : launch_.follow);
  } else {
    world.ledger.takes_over(*this, Claim::kStarted);
  }
  struct Cron {
    int turn = 0;
    void operator()(Server& self) {
      if (self.serving()) {
        if (self.bus != nullptr) self.bus->cron();
        if (turn % 10 == 0) self.replication.cron();
      }
      ++turn;
      self.world.on_server(self.place, self.pid, kCronUs, *this);
    }
  };
  world.on_server(place, pid, kCronUs, Cron{});
  snapshot_cron();
}

void Server::snapshot_cron() {
  int64_t period_us = world.settings.snapshot_us;
  if (period_us <= 0) return;
  world.on_server(place, pid, period_us, [](Server& self) {
    if (self.serving() && self.values != self.home().disk.values) self.save();
    self.snapshot_cron();
  });
}

void Server::save() {
  Disk& disk = home().disk;
  disk.has_data = true;
  disk.loadable = true;
  disk.values = values;
  disk.replid = replication.replid;
  disk.offset = replication.offset;
}

void Server::drop_values(Cause cause, const char* how) {
  std::fill(values.begin(), values.end(), 0);
  world.ledger.copy_gone(cause, place, how);
}

void Server::close(bool saving) {
  if (closing) return;
  closing = true;
  close_cron(world.now_us(), saving);
}

// A server that loads ends without saving; one that serves waits for its replicas, then saves.
void Server::close_cron(int64_t since_us, bool saving) {
  bool patient = serving() && !replication.is_replica && !replication.replicas_have_all() &&
                 world.now_us() - since_us < kCloseLimitUs;
  if (patient) {
    world.on_server(place, pid, kCronUs,
                    [since_us, saving](Server& self) { self.close_cron(since_us, saving); });
    return;
  }
  if (serving() && saving) save();
  Cause cause = serving() && !replication.is_replica ? Cause::kKeyway : Cause::kServers;
  world.on_server(place, pid, 2000, [cause](Server& self) {
    World& here = self.world;
    int at = self.place;
    here.end(at, Exit::kShutdown);
    here.ledger.copy_gone(cause, at, "it shut down");
  });
}

bool Server::writes_paused() const {
  if (closing || replication.handing_over() || world.now_us() < writes_paused_until_us) return true;
  return bus != nullptr && bus->paused_for_handover();
}

int Server::count_keys(int slot) const {
  int count = 0;
  for (size_t key = 0; key < values.size(); ++key) {
    if (values[key] != 0 && world.key_slots[key] == slot) ++count;
  }
  return count;
}

int Server::total_keys() const {
  return static_cast<int>(
      std::count_if(values.begin(), values.end(), [](int64_t value) { return value != 0; }));
}

// Whether this server would carry out a client's command on `key` (getNodeByQuery).
Server::Answer Server::route(int key, bool writing, bool asking) {
  Answer answer;
  if (!serving()) return answer;
  if (bus == nullptr) {
    if (writing && replication.is_replica) return answer;
    answer.access = Access::kOk;
    return answer;
  }
  if (!bus->ok()) return answer;
  int slot = world.key_slots[static_cast<size_t>(key)];
  int owner = bus->owner(slot);
  if (owner == kNobody) return answer;
  bool here = values[static_cast<size_t>(key)] != 0;
  const NodeTable& table = bus->table();
  if (owner == bus->my_id()) {
    auto to = table.migrating.find(slot);
    if (to != table.migrating.end() && !here) {
      const Peer* peer = bus->find(to->second);
      answer.access = Access::kAsk;
      answer.place = peer == nullptr ? -1 : peer->place;
      return answer;
    }
    answer.access = Access::kOk;
    return answer;
  }
  if (asking && table.importing.contains(slot)) {
    answer.access = Access::kOk;
    return answer;
  }
  const Peer* peer = bus->find(owner);
  answer.access = Access::kMoved;
  answer.place = peer == nullptr ? -1 : peer->place;
  return answer;
}

Server::Answer Server::read(int key, bool asking) {
  Answer answer = route(key, false, asking);
  if (answer.access == Access::kOk) answer.value = values[static_cast<size_t>(key)];
  return answer;
}

Server::Answer Server::write(int key, int64_t value, bool asking) {
  if (writes_paused()) return Answer{};
  Answer answer = route(key, true, asking);
  if (answer.access == Access::kOk) replication.apply_write(key, value, false);
  return answer;
}

}  // namespace keyway::simulation
