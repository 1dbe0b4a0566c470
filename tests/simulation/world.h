// Everything that the simulated machine consists of: time, chance, the network, places with their disks,
// running servers. Owned by one run of the simulator; servers hold a reference to it. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/format.h"
#include "cluster/observed.h"
#include "ledger.h"
#include "place.h"
#include "random.h"
#include "scheduler.h"

namespace keyway::simulation {

class Server;

// Which servers are imitated, where they differ in what matters to Keyway.
enum class Flavour {
  kRedis70,  // open slots are known to the primary alone: a failover forgets them
  kValkey8,  // replicas know of open slots too
};

struct Settings {
  bool sharded = true;
  Flavour flavour = Flavour::kRedis70;
  int64_t node_timeout_us = 5'000'000;
  int64_t snapshot_us = 5'000'000;  // between snapshots of a server with changes; 0: none but at its end
  bool unplanned = false;           // the run has faults that may cost writes
};

// Why a process has ended.
enum class Exit { kShutdown, kKilled, kBootFailed, kUnloadable };

inline constexpr int kMaxPlaces = 40;
inline constexpr int kKeyway = kMaxPlaces;  // Keyway's own end of the network
inline constexpr int kBasePort = 7001;

// Which directions of the network are cut.
class Network {
 public:
  bool cut(int from, int to) const { return cut_[index(from, to)]; }
  bool cut_any(int a, int b) const { return cut(a, b) || cut(b, a); }
  void set(int from, int to, bool value) { cut_[index(from, to)] = value; }
  void heal() { cut_.fill(false); }

 private:
  static size_t index(int from, int to) {
    return static_cast<size_t>(from) * (kMaxPlaces + 1) + static_cast<size_t>(to);
  }
  std::array<bool, static_cast<size_t>((kMaxPlaces + 1) * (kMaxPlaces + 1))> cut_{};
};

// How a server is started.
struct Launch {
  cluster::ServerConfig config;
  std::string users;
  int follow = -1;    // replicated mode: the place of its primary
  bool hold = false;  // replicated mode: replica of nobody
};

class World {
 public:
  World(uint64_t seed, Settings settings);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Scheduler scheduler;
  Random random;
  Settings settings;
  Network network;
  Ledger ledger;
  bool tracing = false;

  int64_t now_us() const { return scheduler.now_us(); }
  void trace(const std::string& text) const;

  // Keys.
  std::vector<std::string> key_names;
  std::vector<int> key_slots;
  void make_keys(int count);
  int key_of(const std::string& name) const;  // -1: no such key

  // Node ids and addresses.
  std::string new_hex_id();
  int id_number(const std::string& id);      // the number of a node id, given at first sight
  int find_id(const std::string& id) const;  // kNobody if it was never seen
  const std::string& id_text(int number) const { return ids_[static_cast<size_t>(number)]; }
  int place_at(const Address& address) const;  // -1: none

  // Places and processes.
  int add_place(std::string name, std::string shard);
  Place& place(int index) { return *places_[static_cast<size_t>(index)]; }
  const Place& place(int index) const { return *places_[static_cast<size_t>(index)]; }
  int place_count() const { return static_cast<int>(places_.size()); }
  int place_named(const std::string& name) const;  // -1: none
  Server* server(int index) const { return servers_[static_cast<size_t>(index)].get(); }
  // The server at `index` if it is still the process `pid`.
  Server* server(int index, int pid) const;
  Server& launch(int index, const Launch& launch);
  void end(int index, Exit exit);

  // Has the process do something `delay_us` from now, if it still lives then. A paused one does it when it
  // goes on.
  void on_server(int index, int pid, int64_t delay_us, std::function<void(Server&)> task);
  // The same of a message, of which a paused process's sockets hold only so many.
  void message_to(int index, int pid, int64_t delay_us, std::function<void(Server&)> message);
  void pause(int index);
  void resume(int index);

  // Whether Keyway and the server could speak with each other, and the server could work, for `duration_us`
  // up to now.
  bool reachable_for(int index, int64_t duration_us) const;
  // A fault touches the place: Keyway may not have seen what it holds.
  void impair(int index) { place(index).impaired_us = now_us(); }

  std::function<void(int place, int pid, Exit exit)> on_exit;  // told of each process that ends

 private:
  std::vector<std::string> ids_;
  std::map<std::string, int> id_numbers_;
  std::map<std::string, int> key_numbers_;
  std::vector<std::unique_ptr<Place>> places_;
  std::vector<std::unique_ptr<Server>> servers_;  // by place; null: no process
  std::vector<std::unique_ptr<Server>> ended_;    // a process may end itself in the middle of its own work
  int next_pid_ = 1000;
};

}  // namespace keyway::simulation
