// A model of one redis-server or valkey-server process: its life from start to end, its data, and the
// commands that clients and Keyway send. Replication and the cluster bus are parts of their own. Owned by the
// world; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus.h"
#include "replication.h"
#include "resp/command.h"
#include "resp/reply.h"
#include "world.h"

namespace keyway::simulation {

enum class Life {
  kBooting,  // does not listen yet
  kLoading,  // listens; answers LOADING
  kServing,
};

class Server {
 public:
  Server(World& world, int place, int pid, Launch launch);

  World& world;
  const int place;
  const int pid;
  const int64_t started_us;

  Life life = Life::kBooting;
  bool paused = false;
  bool closing = false;                               // it has been told to end
  std::vector<std::function<void(Server&)>> waiting;  // what came while it was paused

  int64_t writes_paused_until_us = 0;  // CLIENT PAUSE … WRITE

  cluster::ServerConfig config;
  std::string users;
  Values values;
  Replication replication;
  std::unique_ptr<Bus> bus;  // sharded mode

  const Place& home() const { return world.place(place); }
  Place& home() { return world.place(place); }
  const std::string& name() const { return home().name; }
  bool serving() const { return life == Life::kServing; }
  bool is_primary() const;

  // What a connection on the bus or for replication finds.
  bool listens() const { return life != Life::kBooting; }

  // SIGTERM, or SHUTDOWN: it ends once its replicas have everything, with or without writing its snapshot.
  void close(bool saving);
  // Writes the snapshot file.
  void save();
  // Its data goes; a new set will come (a full copy is about to be loaded).
  void drop_values(Cause cause, const char* how);

  // One command of Keyway's. Nothing: the server closes the connection when it ends.
  std::optional<resp::Reply> execute(const resp::Command& command);

  // Whether the command has to wait, since writes are paused.
  bool postpones(const resp::Command& command) const;

  // What a client's read or write of a key meets.
  enum class Access { kOk, kMoved, kAsk, kTryAgain, kRefused };
  struct Answer {
    Access access = Access::kRefused;
    int place = -1;     // kMoved, kAsk: where to
    int64_t value = 0;  // of a read
  };
  Answer read(int key, bool asking);
  Answer write(int key, int64_t value, bool asking);

  bool writes_paused() const;
  int count_keys(int slot) const;
  int total_keys() const;

 private:
  friend class World;
  void boot();
  void load();
  void serve();
  void snapshot_cron();
  void close_cron(int64_t since_us, bool saving);
  Answer route(int key, bool writing, bool asking);

  Launch launch_;
};

}  // namespace keyway::simulation
