#include "world.h"

#include <cstdio>

#include "resp/slot.h"
#include "server.h"

namespace keyway::simulation {
namespace {

constexpr size_t kMaxWaiting = 512;  // of a paused process: what its sockets hold

}  // namespace

World::World(uint64_t seed, Settings settings_in) : random(seed), settings(settings_in), ledger(*this) {}
World::~World() = default;

void World::trace(const std::string& text) const {
  int64_t now = now_us();
  std::printf("%8.3f  %s\n", static_cast<double>(now) / 1e6, text.c_str());
}

void World::make_keys(int count) {
  for (int i = 0; i < count; ++i) {
    std::string name = fmt::format("key:{}", i);
    key_numbers_[name] = i;
    key_slots.push_back(resp::key_slot(name));
    key_names.push_back(std::move(name));
  }
  ledger.resize(count);
}

int World::key_of(const std::string& name) const {
  auto at = key_numbers_.find(name);
  return at == key_numbers_.end() ? -1 : at->second;
}

std::string World::new_hex_id() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(40, '0');
  uint64_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i % 16 == 0) bits = random.next();
    text[i] = kDigits[bits & 15];
    bits >>= 4;
  }
  return text;
}

int World::id_number(const std::string& id) {
  auto [at, fresh] = id_numbers_.try_emplace(id, static_cast<int>(ids_.size()));
  if (fresh) ids_.push_back(id);
  return at->second;
}

int World::find_id(const std::string& id) const {
  auto at = id_numbers_.find(id);
  return at == id_numbers_.end() ? kNobody : at->second;
}

int World::place_at(const Address& address) const {
  int index = address.port - kBasePort;
  return index >= 0 && index < place_count() ? index : -1;
}

int World::add_place(std::string name, std::string shard) {
  auto added = std::make_unique<Place>();
  added->index = place_count();
  added->name = std::move(name);
  added->shard = std::move(shard);
  added->address = Address{"127.0.0.1", static_cast<uint16_t>(kBasePort + added->index)};
  added->disk.values.assign(key_names.size(), 0);
  places_.push_back(std::move(added));
  servers_.emplace_back();
  return place_count() - 1;
}

int World::place_named(const std::string& name) const {
  for (const auto& place : places_) {
    if (place->name == name) return place->index;
  }
  return -1;
}

Server* World::server(int index, int pid) const {
  if (index < 0) return nullptr;
  Server* found = server(index);
  return found != nullptr && found->pid == pid ? found : nullptr;
}

Server& World::launch(int index, const Launch& launch) {
  servers_[static_cast<size_t>(index)] = std::make_unique<Server>(*this, index, next_pid_++, launch);
  return *server(index);
}

void World::end(int index, Exit exit) {
  std::unique_ptr<Server>& slot = servers_[static_cast<size_t>(index)];
  if (slot == nullptr) return;
  Server& dying = *slot;
  if (tracing) {
    static constexpr const char* kWords[] = {"has shut down", "is killed", "fails to start",
                                             "cannot load its data"};
    trace(fmt::format("{} {}", dying.name(), kWords[static_cast<int>(exit)]));
  }
  if (dying.bus != nullptr) {
    place(index).disk.has_table = true;
    place(index).disk.table = dying.bus->save();
  }
  int pid = dying.pid;
  ended_.push_back(std::move(slot));
  for (auto& other : servers_) {
    if (other == nullptr) continue;
    other->replication.peer_gone(index);
    if (other->bus != nullptr) other->bus->peer_gone(index);
  }
  if (on_exit) on_exit(index, pid, exit);
}

void World::on_server(int index, int pid, int64_t delay_us, std::function<void(Server&)> task) {
  scheduler.after(delay_us, [this, index, pid, task = std::move(task)]() mutable {
    Server* found = server(index, pid);
    if (found == nullptr) return;
    if (found->paused) {
      found->waiting.push_back(std::move(task));
    } else {
      task(*found);
    }
  });
}

void World::message_to(int index, int pid, int64_t delay_us, std::function<void(Server&)> message) {
  scheduler.after(delay_us, [this, index, pid, message = std::move(message)]() mutable {
    const Server* found = server(index, pid);
    bool full = found != nullptr && found->paused && found->waiting.size() >= kMaxWaiting;
    if (!full) on_server(index, pid, 0, std::move(message));
  });
}

void World::pause(int index) {
  if (Server* found = server(index)) found->paused = true;
}

void World::resume(int index) {
  Server* found = server(index);
  if (found == nullptr || !found->paused) return;
  found->paused = false;
  int pid = found->pid;
  std::vector<std::function<void(Server&)>> tasks = std::move(found->waiting);
  found->waiting.clear();
  for (auto& task : tasks) on_server(index, pid, 0, std::move(task));
}

bool World::reachable_for(int index, int64_t duration_us) const {
  const Server* found = server(index);
  if (found == nullptr || found->paused || !found->serving()) return false;
  if (network.cut_any(kKeyway, index) || place(index).slow_us > 0) return false;
  return place(index).impaired_us < now_us() - duration_us && found->started_us < now_us() - duration_us;
}

}  // namespace keyway::simulation
