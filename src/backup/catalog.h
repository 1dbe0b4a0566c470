// The backups in a store: which there are, what they say of themselves, their data. Waits, as the store does.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/manifest.h"
#include "backup/packing.h"
#include "backup/store.h"

namespace keyway::backup {

// What stands below one id.
struct StoredBackup {
  std::string cluster;
  std::string id;
  std::vector<ObjectInfo> objects;
  bool bad = false;        // whoever found out sets it: it cannot be relied on
  bool complete = false;   // it has a manifest; without one it is no backup
  int64_t changed_ms = 0;  // the youngest object; Unix time
  int64_t size_bytes = 0;  // of all objects
};

// By cluster, then by id, so oldest first. `cluster` empty: of all clusters. Objects that are not named as
// those of backups are left out. Errors: those of Store::list.
Result<std::vector<StoredBackup>> list_backups(Store& store, const std::string& cluster);

// "CLUSTER/ID".
std::string folder_of(const std::string& cluster, const std::string& id);

// The complete backup with that id, the newest one if it is empty; with an empty `cluster` the only one that
// has backups there. kNotFound; kInvalidArgument: there are several clusters, and their names.
Result<StoredBackup> find_backup(Store& store, const std::string& cluster, const std::string& id);

// kNotFound: there is no such backup, or it is not complete; kCorrupt: its manifest is damaged, or that of
// another one.
Result<Manifest> load_manifest(Store& store, const std::string& cluster, const std::string& id);

// Of the last try to restore it; nothing if there was none.
Result<std::optional<Verification>> load_verification(Store& store, const std::string& cluster,
                                                      const std::string& id);

// The RDB file of a shard. kInvalidArgument at once: it is encrypted and there is no key.
Result<std::unique_ptr<PackedReader>> open_shard(Store& store, const Manifest& manifest,
                                                 const BackedUpShard& shard,
                                                 const std::optional<EncryptionKey>& key);

// All of them, the manifest first: what is left of an interrupted or failed removal is no backup. The first
// error ends it.
Status remove_objects(Store& store, std::vector<ObjectInfo> objects);

// What an encrypted object of a shard is sealed for.
std::string seal_context(const std::string& cluster, const std::string& id, const std::string& shard);

}  // namespace keyway::backup
