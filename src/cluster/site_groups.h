// Which sites make up a shard, and which of them is the primary, so that a lost host or zone costs each shard
// as little as possible. Internal to placement; pure.
#pragma once

#include <array>
#include <vector>

#include "cluster/placement.h"

namespace keyway::cluster {

// A site's host and zone as numbers. Sites of unknown zone on one host have a zone of their own.
struct Spot {
  int host = 0;
  int zone = 0;
};

std::vector<Spot> spots_of(const std::vector<Site>& sites);

// How many pairs are too near each other; the worst kind first: primary and replica on one host, in one zone;
// two replicas on one host, in one zone.
using Nearness = std::array<int, 4>;

Nearness nearness(const std::vector<Spot>& spots, const std::vector<size_t>& group, size_t primary);

// Groups of sites/`groups` sites, or one more. No two sites of a group share a host or a zone if any grouping
// can avoid that, else few do.
std::vector<std::vector<size_t>> group_sites(const std::vector<Spot>& spots, int groups);

// The primary of each group: one that its others are not near to, and all together on different zones and
// hosts; else those that stand first.
std::vector<size_t> choose_primaries(const std::vector<Spot>& spots,
                                     const std::vector<std::vector<size_t>>& groups);

}  // namespace keyway::cluster
