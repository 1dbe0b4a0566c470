// For tests of the model: servers without Keyway, brought up by hand.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "resp/command.h"
#include "server.h"
#include "world.h"

namespace keyway::simulation {

class Bench {
 public:
  static constexpr int64_t kNodeTimeoutMs = 1000;

  Bench(bool sharded, int shards, int replicas, Flavour flavour = Flavour::kRedis70)
      : world(7, settings(sharded, flavour)), shards_(shards), replicas_(replicas) {
    world.make_keys(16);
    for (int shard = 1; shard <= shards; ++shard) {
      for (int ordinal = 0; ordinal <= replicas; ++ordinal) add(shard, ordinal);
    }
    for (int place = 0; place < world.place_count(); ++place) start(place);
  }

  // Time for primaries to take writes and for replicas to be in sync.
  void settle() { run(3000); }
  void run(int64_t duration_ms) {
    world.scheduler.run_until(world.now_us() + duration_ms * 1000);
    EXPECT_FALSE(world.ledger.failure()) << *world.ledger.failure();
  }

  int place(const std::string& name) const { return world.place_named(name); }
  Server& server(const std::string& name) { return *world.server(place(name)); }
  std::string id(const std::string& name) { return world.id_text(id_number(name)); }
  int id_number(const std::string& name) const { return ids_[static_cast<size_t>(place(name))]; }

  resp::Reply command(const std::string& name, const resp::Command& command) {
    std::optional<resp::Reply> reply = server(name).execute(command);
    return reply ? *reply : resp::Reply{};
  }

  bool write(const std::string& name, int key, int64_t value) {
    return server(name).write(key, value, false).access == Server::Access::kOk;
  }
  int64_t value(const std::string& name, int key) { return server(name).values[static_cast<size_t>(key)]; }
  // A key whose slot `name` owns, in its own eyes.
  int key_of(const std::string& name) {
    for (size_t key = 0; key < world.key_slots.size(); ++key) {
      if (server(name).bus->owner(world.key_slots[key]) == id_number(name)) return static_cast<int>(key);
    }
    ADD_FAILURE() << name << " owns the slot of no key";
    return 0;
  }
  int slot_of(int key) const { return world.key_slots[static_cast<size_t>(key)]; }

  void kill(const std::string& name) { world.end(place(name), Exit::kKilled); }
  void start(int place, int follow = -1, bool hold = false) {
    Launch launch;
    launch.follow = follow >= 0 || hold ? follow : first_primary(place);
    launch.hold = hold;
    world.launch(place, launch);
  }
  void start(const std::string& name) { start(place(name)); }
  void isolate(const std::string& name, bool cut = true) {
    for (int other = 0; other < world.place_count(); ++other) {
      world.network.set(place(name), other, cut);
      world.network.set(other, place(name), cut);
    }
  }

  World world;

 private:
  static Settings settings(bool sharded, Flavour flavour) {
    Settings settings;
    settings.sharded = sharded;
    settings.flavour = flavour;
    settings.node_timeout_us = kNodeTimeoutMs * 1000;
    settings.snapshot_us = 0;
    settings.unplanned = true;
    return settings;
  }

  void add(int shard, int ordinal) {
    std::string name = fmt::format("p{}-{}", shard, ordinal);
    int index = world.add_place(name, fmt::format("p{}", shard));
    Place& added = world.place(index);
    added.lag_us = 500;
    added.load_ms = 5;
    added.transfer_ms = 10;
    ids_.push_back(world.id_number(fmt::format("{:040}", index)));
    if (!world.settings.sharded || world.place_count() < shards_ * (replicas_ + 1)) return;
    for (int place = 0; place < world.place_count(); ++place) {
      world.place(place).disk.table = table_of(place);
      world.place(place).disk.has_table = true;
    }
  }

  NodeTable table_of(int myself) {
    NodeTable table;
    table.myself = ids_[static_cast<size_t>(myself)];
    for (int place = 0; place < world.place_count(); ++place) {
      int shard = place / (replicas_ + 1);
      Peer peer;
      peer.id = ids_[static_cast<size_t>(place)];
      peer.place = place;
      peer.primary = place % (replicas_ + 1) == 0;
      int primary_place = shard * (replicas_ + 1);
      peer.primary_id = peer.primary ? -1 : ids_[static_cast<size_t>(primary_place)];
      peer.config_epoch = static_cast<uint64_t>(shard) + 1;
      if (peer.primary) {
        cluster::SlotRange range = cluster::even_range(shard, shards_);
        table.slots.set(range.first, range.last, peer.id);
      }
      table.peers.push_back(peer);
    }
    return table;
  }

  int first_primary(int place) const {
    return place % (replicas_ + 1) == 0 ? -1 : place - place % (replicas_ + 1);
  }

  int shards_;
  int replicas_;
  std::vector<int> ids_;  // by place
};

}  // namespace keyway::simulation
