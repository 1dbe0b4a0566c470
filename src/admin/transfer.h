// Data in and out of a cluster as a whole: import from another server or cluster, backup to files.
#pragma once

#include <string>

#include "admin/session.h"
#include "engine/fleet.h"

namespace keyway::admin {

// The longest value that can be copied: servers take no longer one in a RESTORE (proto-max-bulk-len) unless
// they are configured to. from_servers should accept replies of this size.
inline constexpr size_t kMaxValueBytes = size_t{513} << 20;

struct ImportOptions {
  Address from;
  engine::Servers* from_servers = nullptr;  // that speak to the source (its own password and TLS); not owned
  int from_database = 0;                    // of a standalone source
  bool copy = false;                        // leave the keys at the source too
  bool replace = false;  // overwrite keys that the cluster has already; else they stay and are told
  int64_t max_bytes_per_s = 0;
};

struct ImportResult {
  int64_t scanned = 0;
  int64_t imported = 0;
  int64_t present = 0;                 // were there already and stayed as they were
  int64_t compared = 0;                // found equal at the end (copied keys only)
  std::vector<std::string> different;  // at most 100 keys, printable
  int64_t different_count = 0;
  int64_t changing = 0;  // changed at the source faster than they could be compared; lately copied
  int64_t bytes = 0;
  int64_t elapsed_ms = 0;
  bool interrupted = false;
};

// From a standalone server or a cluster, while both are in use. Times to live are kept.
//
// Without `copy` the source itself sends its keys and deletes what has arrived (MIGRATE), so that no write to
// it is lost; it must be able to reach the cluster. With `copy` they travel through here (DUMP, RESTORE);
// then every key of the source is compared with the cluster's, and what changed meanwhile is copied again.
// Keys that the source deletes after they were copied stay. A key that this import brought follows the
// source; one that was there before with another value is left alone unless `replace`.
//
// Run again after an error or an interruption it goes on: keys that are there and equal count as present.
Result<ImportResult> import(Session& session, const Address& seed, const ImportOptions& options);

struct BackupOptions {
  std::string folder;         // made if it is not there; must be empty otherwise
  bool from_replicas = true;  // where one is in sync
  // How the data is fetched: over connections of its own.
  engine::Credentials account = {};
  engine::FleetOptions fleet = {};
};

struct ShardBackup {
  std::string id;    // of the shard's primary
  Address source;    // where it was taken
  std::string file;  // in the folder
  cluster::SlotRanges slots;
  int64_t size_bytes = 0;
};

struct BackupResult {
  std::vector<ShardBackup> shards;
  int64_t elapsed_ms = 0;
  bool interrupted = false;  // then there is no backup
};

// An RDB file of every shard that has slots, "ID.rdb" by the id of its primary, and nodes.json, the topology
// (redis-cli's format with fields beside it). Each file is of one moment, all of about the same. All or
// nothing: an unfinished backup is removed. kConflict if slots move meanwhile, since keys could be in two
// files or in none; kAlreadyExists if the folder is not empty.
Result<BackupResult> backup(Session& session, const Address& seed, const BackupOptions& options);

}  // namespace keyway::admin
