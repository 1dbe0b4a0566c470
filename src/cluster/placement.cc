#include "cluster/placement.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/site_groups.h"

namespace keyway::cluster {

namespace {

void add_compromises(std::vector<std::string>& sentences, const std::vector<Site>& sites,
                     const std::vector<Spot>& spots, const std::vector<size_t>& group, size_t primary) {
  auto shared = [&](size_t left, size_t right) -> std::string {
    if (sites[left].host == sites[right].host) return fmt::format("on the same host ({})", sites[left].host);
    if (spots[left].zone != spots[right].zone) return {};
    return fmt::format("in the same zone ({})",
                       sites[left].zone.empty() ? sites[right].zone : sites[left].zone);
  };
  for (size_t i = 0; i < group.size(); ++i) {
    size_t site = group[i];
    if (site == primary) continue;
    std::string what = shared(primary, site);
    if (!what.empty()) {
      sentences.push_back(
          fmt::format("{} and its replica {} are {}", sites[primary].node, sites[site].node, what));
    }
    for (size_t j = 0; j < i; ++j) {
      if (group[j] == primary) continue;
      what = shared(group[j], site);
      if (what.empty()) continue;
      sentences.push_back(fmt::format("{} and {}, both replicas of {}, are {}", sites[group[j]].node,
                                      sites[site].node, sites[primary].node, what));
    }
  }
}

// What it costs that a replica joins a shard.
struct Joining {
  std::vector<Spot> spots;                  // of the nodes of all shards, then of the replicas
  std::vector<std::vector<size_t>> shards;  // indexes into spots, the primary first

  Nearness nearness_with(size_t shard, size_t site) const {
    std::vector<size_t> group = shards[shard];
    group.push_back(site);
    return nearness(spots, group, group.front());
  }
  // Two replicas change places, one from each shard, if that makes fewer pairs near.
  void exchange_if_better(size_t left, size_t left_at, size_t right, size_t right_at) {
    auto cost = [&] {
      Nearness sum{};
      for (size_t shard : {left, right}) {
        Nearness near = nearness(spots, shards[shard], shards[shard].front());
        for (size_t i = 0; i < sum.size(); ++i) sum[i] += near[i];
      }
      return sum;
    };
    Nearness before = cost();
    std::swap(shards[left][left_at], shards[right][right_at]);
    if (!(cost() < before)) std::swap(shards[left][left_at], shards[right][right_at]);
  }
};

Joining prepare(const std::vector<ShardSites>& shards, const std::vector<Site>& replicas) {
  Joining joining;
  std::vector<Site> sites;
  for (const ShardSites& shard : shards) {
    std::vector<size_t>& group = joining.shards.emplace_back();
    for (const Site& site : shard.nodes) {
      group.push_back(sites.size());
      sites.push_back(site);
    }
  }
  sites.insert(sites.end(), replicas.begin(), replicas.end());
  joining.spots = spots_of(sites);
  return joining;
}

}  // namespace

Result<Placement> place(const std::vector<Site>& sites, int replicas, int min_primaries) {
  if (replicas < 0) return fail(ErrorCode::kInvalidArgument, "the number of replicas cannot be below 0");
  int64_t shard_nodes = int64_t{replicas} + 1;
  auto groups = static_cast<int>(std::ssize(sites) / shard_nodes);
  if (groups < std::max(1, min_primaries)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} with {} each make {}; {} are needed at least, which takes {}",
                            count_of(std::ssize(sites), "node"), count_of(replicas, "replica"),
                            count_of(groups, "shard"), std::max(1, min_primaries),
                            count_of(std::max(1, min_primaries) * shard_nodes, "node")));
  }
  std::vector<Spot> spots = spots_of(sites);
  std::vector<std::vector<size_t>> grouped = group_sites(spots, groups);
  std::vector<size_t> primaries = choose_primaries(spots, grouped);
  std::vector<size_t> order(grouped.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](size_t group) { return primaries[group]; });
  Placement placement;
  for (size_t group : order) {
    std::ranges::sort(grouped[group]);
    PlacedShard& shard = placement.shards.emplace_back();
    shard.primary = sites[primaries[group]].node;
    for (size_t site : grouped[group]) {
      if (site != primaries[group]) shard.replicas.push_back(sites[site].node);
    }
    add_compromises(placement.compromises, sites, spots, grouped[group], primaries[group]);
  }
  return placement;
}

std::vector<size_t> place_replicas(const std::vector<ShardSites>& shards, const std::vector<Site>& replicas) {
  if (shards.empty()) return {};
  Joining joining = prepare(shards, replicas);
  size_t first = joining.spots.size() - replicas.size();
  for (size_t site = first; site < joining.spots.size(); ++site) {
    size_t best = 0;
    auto cost = [&](size_t shard) {
      return std::pair{joining.shards[shard].size(), joining.nearness_with(shard, site)};
    };
    for (size_t shard = 1; shard < shards.size(); ++shard) {
      if (cost(shard) < cost(best)) best = shard;
    }
    joining.shards[best].push_back(site);
  }
  // Who came first may have taken a place that only a later one could have had.
  for (size_t left = 0; left < shards.size(); ++left) {
    for (size_t right = left + 1; right < shards.size(); ++right) {
      for (size_t i = shards[left].nodes.size(); i < joining.shards[left].size(); ++i) {
        for (size_t j = shards[right].nodes.size(); j < joining.shards[right].size(); ++j)
          joining.exchange_if_better(left, i, right, j);
      }
    }
  }
  std::vector<size_t> joins(replicas.size(), 0);
  for (size_t shard = 0; shard < shards.size(); ++shard) {
    for (size_t i = shards[shard].nodes.size(); i < joining.shards[shard].size(); ++i)
      joins[joining.shards[shard][i] - first] = shard;
  }
  return joins;
}

}  // namespace keyway::cluster
