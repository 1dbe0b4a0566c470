// Makes a backup: takes the data of each shard as a replica does and packs it on its way into the store, at
// most two shards at a time; writes the manifest last. Waits; the caller's thread reports.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/session.h"
#include "backup/manifest.h"
#include "backup/sources.h"
#include "backup/store.h"
#include "engine/fleet.h"

namespace keyway::backup {

struct Creation {
  std::string cluster;  // as it is named in the store
  cluster::Mode mode = cluster::Mode::kSharded;
  std::string spec;
  std::vector<cluster::UserSpec> users;
  std::string tool_version;
  std::optional<EncryptionKey> key;
  engine::Credentials account;
  engine::FleetOptions fleet;
  engine::AddressMap reach = {};
  size_t at_once = 2;
  int64_t pause_ms = 1000;  // before a shard is tried again

  // The cluster as it is now.
  std::function<Result<cluster::Observed>()> look;
  // One more for each thread; any thread calls it.
  std::function<Result<std::unique_ptr<Store>>()> open_store;
  std::function<bool()> interrupted;  // any thread may ask
};

// What has been written when it returns is a whole backup; after an error or an interruption nothing is left
// of it, or (where even removing failed) nothing that has a manifest. A source that fails is replaced by
// another of the shard, several times over. kConflict: slots moved meanwhile; kUnavailable: a shard could not
// be taken, or it was interrupted; else the errors of the store.
Result<Manifest> create(const Creation& creation, admin::Reporter& reporter);

}  // namespace keyway::backup
