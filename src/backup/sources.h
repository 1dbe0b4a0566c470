// Which servers a backup takes the shards from, and whether the slots stayed where they were meanwhile. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/error.h"
#include "cluster/observed.h"

namespace keyway::backup {

struct Source {
  std::string node;
  Address address;
  cluster::EngineKind engine = cluster::EngineKind::kRedis;
  std::string version;
  bool replica = false;  // when it was looked at

  bool operator==(const Source&) const = default;
};

struct ShardSources {
  std::string name;             // of a cluster that Keyway does not keep: the id of its primary
  cluster::SlotRanges slots;    // none in replicated mode
  std::set<std::string> ids;    // of its nodes, in a sharded cluster
  std::vector<Source> sources;  // the one to take first at the front: replicas in sync, then the primary
};

// The shards that have slots, by name; in replicated mode the one that there is. kConflict: slots are open or
// nobody's; kUnavailable: a primary does not answer.
Result<std::vector<ShardSources>> choose_sources(const cluster::Observed& observed, cluster::Mode mode);

// Whether each slot is still in the same shard and none is on its way; which server is a shard's primary does
// not matter. Else kConflict.
Status check_unmoved(const std::vector<ShardSources>& before, const cluster::Observed& now,
                     cluster::Mode mode);

}  // namespace keyway::backup
