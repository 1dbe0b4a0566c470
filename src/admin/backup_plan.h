// What a backup takes from where, and how it writes the topology down. Pure.
#pragma once

#include <string>
#include <vector>

#include "admin/transfer.h"

namespace keyway::admin {

struct BackupSource {
  std::string id;  // of the shard's primary
  Address primary;
  Address source;  // the primary, or a replica of it that is in sync
  cluster::SlotRanges slots;
};

// Whether it is a replica whose data is whole and follows its primary's.
bool is_in_sync(const cluster::NodeFacts& node);

// One for each shard that has slots, by id. kConflict if slots are open or nobody's; kUnavailable if a
// primary does not answer.
Result<std::vector<BackupSource>> choose_sources(const cluster::Observed& observed, bool from_replicas);

// Whether every slot is with the same node as before, and none is on its way.
Status check_unmoved(const std::vector<BackupSource>& before, const cluster::Observed& now);

// nodes.json: an array of nodes with the fields that redis-cli writes (name, host, port, replicate, slots,
// slots_count, flags, current_epoch), and of ours: version, shard_id, zone, and for primaries `rdb` and
// `rdb_source`.
std::string nodes_json(const cluster::Observed& observed, const std::vector<ShardBackup>& shards);

}  // namespace keyway::admin
