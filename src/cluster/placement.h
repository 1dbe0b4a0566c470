// Which node becomes a primary and which one follows whom, so that a lost host or zone takes no shard along.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace keyway::cluster {

struct Site {
  std::string node;  // any name of it
  std::string host;
  std::string zone;  // empty: unknown
};

struct PlacedShard {
  std::string primary;
  std::vector<std::string> replicas;
};

struct Placement {
  std::vector<PlacedShard> shards;
  // Pairs that share a host or a zone although they should not, as sentences; empty when none does. If any
  // placement avoids that, the one that was found does.
  std::vector<std::string> compromises;
};

// `replicas` for each of sites.size() / (replicas + 1) primaries; nodes left over become further replicas.
// Primaries are spread over zones and hosts too. kInvalidArgument if there are too few nodes
// (`min_primaries`).
Result<Placement> place(const std::vector<Site>& sites, int replicas, int min_primaries);

// For each of `replicas`, in their order, which shard it joins: one with the fewest replicas so far, on
// another host and in another zone than all its nodes if there is such a one. Gives indexes into `shards`.
struct ShardSites {
  std::vector<Site> nodes;  // the primary first
};
std::vector<size_t> place_replicas(const std::vector<ShardSites>& shards, const std::vector<Site>& replicas);

}  // namespace keyway::cluster
