// What was seen of a cluster at one moment: facts, without judgement. Collected by engine/observe (what
// servers say) and the platform (what is known of their processes), read by the planner. Values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "cluster/slots.h"
#include "cluster/spec.h"

namespace keyway::cluster {

// One line of a server's CLUSTER NODES: another node as this server sees it.
struct PeerView {
  std::string id;
  Address address;
  uint16_t bus_port = 0;
  bool myself = false;
  bool primary = false;  // false: replica
  bool fail = false;     // agreed by a majority
  bool pfail = false;    // only this server's suspicion
  bool handshake = false;
  bool noaddr = false;
  bool linked = false;     // the bus link to it is up
  std::string primary_id;  // of a replica; empty for a primary
  std::string shard_id;    // servers from 7.2; else empty
  std::string hostname;    // that it announces; empty: none
  uint64_t config_epoch = 0;
  SlotRanges slots;  // that it owns
};

// An open slot, as the server that holds the flag sees it.
struct OpenSlot {
  Slot slot = 0;
  std::string peer_id;  // migrating: where to; importing: from where
  bool importing = false;
};

enum class Role { kPrimary, kReplica };

// What the server itself says. Valid while NodeFacts::reach is kAnswering.
struct ServerFacts {
  std::string version;  // "7.0.15"
  EngineKind engine = EngineKind::kRedis;
  Role role = Role::kPrimary;
  std::string replid;  // history of its data; replid2 up to second_offset is the one before
  std::string replid2;
  int64_t offset = 0;
  int64_t second_offset = -1;
  Address primary_address;    // of a replica: whom it follows
  bool link_up = false;       // of a replica: connected and in the stream
  bool was_linked = false;    // of a replica: has been in the stream at any time since it was started
  bool syncing = false;       // of a replica: in the middle of a full copy, its data is not whole
  int64_t last_io_ms = -1;    // of a replica: since it last heard its primary; -1: never or unknown
  int64_t link_down_ms = -1;  // of a replica: since its link was lost; -1: it is up, or never was
  int connected_replicas = 0;
  int64_t keys = 0;
  int64_t memory_bytes = 0;
  int64_t ops_per_s = 0;  // commands, of late
  int process_id = 0;
  std::string zone;              // availability zone that it announces (Valkey from 8.0); empty: none
  bool cluster_enabled = false;  // runs in cluster mode

  // Sharded mode.
  std::string id;           // CLUSTER MYID
  bool cluster_ok = false;  // cluster_state:ok
  uint64_t current_epoch = 0;
  std::vector<PeerView> peers;  // its CLUSTER NODES, itself included
  std::vector<OpenSlot> open_slots;
};

enum class Process {
  kNeverStarted,  // no server was ever started in this node's place
  kStopped,       // was started once; not running
  kRunning,
  kForeign,  // something that is not ours holds its port; `note` says what
};

// Whether there is a data set on disk: of a server that does not run, one that it would load; of one that
// runs, one with which it was started.
enum class DataOnDisk { kUnknown, kNone, kPresent };

enum class Reach {
  kSilent,   // no connection, or no answer within the deadline
  kLoading,  // answers, still loading its data
  kDenied,   // refuses Keyway's password
  kAnswering,
};

// NodeFacts::follow_on_disk of a server that starts as a replica of nobody.
inline constexpr std::string_view kHeld = "(held)";

struct NodeFacts {
  std::string name;
  std::string shard;
  Address address;
  std::string id;  // sharded: the identity on record, given before its first start; may differ from server.id

  // From the platform.
  Process process = Process::kNeverStarted;
  int pid = 0;
  int64_t started_ms = 0;   // wall clock
  int failed_starts = 0;    // starts in a row after which it ended before it answered
  bool unloadable = false;  // its last start ended because its data could not be loaded
  DataOnDisk data = DataOnDisk::kUnknown;
  bool has_node_table = false;  // sharded: its nodes.conf exists
  ServerConfig applied_config;  // what it runs with
  std::string applied_users;    // fingerprint
  std::string follow_on_disk;   // replicated: how it would start now: as the replica of this node, "" as the
                                // primary, kHeld
  std::string note;             // last exit, or who holds the port: for people

  // From the server.
  Reach reach = Reach::kSilent;
  int64_t silent_ms = 0;  // for how long it has been silent though its process runs
  int64_t down_ms = 0;    // for how long its process has been gone, as far as that was watched
  ServerFacts server;

  bool running() const { return process == Process::kRunning; }
  bool answering() const { return running() && reach == Reach::kAnswering; }
};

// What Keyway keeps on record about a shard, beyond the servers' own memory.
struct ShardRecord {
  std::string primary;         // node that last was its primary; replicated mode: the authority on restart
  bool held_data = false;      // keys were seen in it since it was made, or since their loss was accepted
  bool loss_accepted = false;  // a person accepts that they are lost; until keys are seen again

  bool operator==(const ShardRecord&) const = default;
};

struct Observed {
  std::vector<NodeFacts> nodes;  // desired ones and those on record that are to go; order does not matter
  std::map<std::string, ShardRecord> shards;
  bool formed = false;  // the cluster once stood complete; set by the step RecordFormed

  const NodeFacts* find(std::string_view name) const;
  const NodeFacts* find_id(std::string_view id) const;
  NodeFacts* find(std::string_view name);
};

}  // namespace keyway::cluster
