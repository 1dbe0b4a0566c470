// What survives a server's process: the places where servers live, and what lies on their disks. Values; one
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/address.h"
#include "peer.h"
#include "slot_map.h"

namespace keyway::simulation {

// A data set: the value of each key by the key's number, 0 if the key does not exist. All servers of a run
// have the same keys.
using Values = std::vector<int64_t>;

inline bool holds_keys(const Values& values) {
  for (int64_t value : values) {
    if (value != 0) return true;
  }
  return false;
}

// A server's node table (nodes.conf).
struct NodeTable {
  int myself = kNobody;
  std::vector<Peer> peers;  // sorted by id, the server itself included
  SlotMap slots;
  std::map<int, int> migrating;  // slot: to whom
  std::map<int, int> importing;  // slot: from whom
  uint64_t current_epoch = 0;
  uint64_t last_vote_epoch = 0;
};

struct Disk {
  bool has_data = false;  // a snapshot file exists; it may be one of no keys
  bool loadable = true;   // the snapshot can be read
  Values values;
  std::string replid;  // the history that the snapshot is of, and how far
  int64_t offset = 0;
  bool has_table = false;
  NodeTable table;
};

struct Place {
  int index = 0;
  std::string name;   // "p1-0"
  std::string shard;  // "p1"
  Address address;
  Disk disk;

  // Faults that wait for the next start.
  int failing_starts = 0;  // so many starts end before the server listens

  int64_t load_ms = 0;      // how long its server loads its data
  int64_t transfer_ms = 0;  // how long it takes to receive a full copy
  int64_t lag_us = 0;       // how far behind its replication stream runs
  int64_t slow_us = 0;      // added to each reply to Keyway
  int64_t impaired_us =
      -1;  // when a fault last stood between Keyway and this server, or kept it from working; -1: never
};

}  // namespace keyway::simulation
