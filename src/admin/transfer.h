// Data in and out of a cluster as a whole: import from another server or cluster, backup to files.
#pragma once

#include <string>

#include "admin/session.h"

namespace keyway::admin {

struct ImportOptions {
  Address from;
  engine::Servers* from_servers = nullptr;  // that speak to the source (its own password and TLS); not owned
  std::string from_user;
  std::string from_password;
  int from_database = 0;  // of a standalone source
  bool copy = false;      // leave the keys at the source too
  bool replace = false;   // overwrite keys that the cluster has already; else they stay and are told
  int64_t max_bytes_per_s = 0;
};

struct ImportResult {
  int64_t scanned = 0;
  int64_t imported = 0;
  int64_t present = 0;                 // were there already and stayed as they were
  int64_t compared = 0;                // found equal at the end
  std::vector<std::string> different;  // at most 100 keys, printable
  int64_t different_count = 0;
  int64_t bytes = 0;
  int64_t elapsed_ms = 0;
  bool interrupted = false;
};

// From a standalone server or a cluster, while both are in use. Times to live are kept.
Result<ImportResult> import(Session& session, const Address& seed, const ImportOptions& options);

struct BackupOptions {
  std::string folder;         // made if it is not there; must be empty otherwise
  bool from_replicas = true;  // where one is in sync
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
};

// An RDB file of every shard and nodes.json, the topology. All or nothing: an unfinished backup is removed.
Result<BackupResult> backup(Session& session, const Address& seed, const BackupOptions& options);

}  // namespace keyway::admin
