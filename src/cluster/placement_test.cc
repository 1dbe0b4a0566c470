#include "cluster/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <set>

#include "base/format.h"
#include "cluster/edge_coloring.h"

namespace keyway::cluster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// `hosts` in each zone, `nodes` on each.
std::vector<Site> grid(int zones, int hosts, int nodes) {
  std::vector<Site> sites;
  for (int zone = 0; zone < zones; ++zone) {
    for (int host = 0; host < hosts; ++host) {
      for (int node = 0; node < nodes; ++node) {
        sites.push_back({.node = fmt::format("z{}h{}n{}", zone, host, node),
                         .host = fmt::format("z{}h{}", zone, host),
                         .zone = fmt::format("z{}", zone)});
      }
    }
  }
  return sites;
}

Placement placed(const std::vector<Site>& sites, int replicas) {
  auto placement = place(sites, replicas, 1);
  EXPECT_TRUE(placement) << placement.error().message;
  return placement.value_or(Placement{});
}

bool near(const Site& left, const Site& right) {
  return left.host == right.host || (!left.zone.empty() && left.zone == right.zone);
}

const Site& find(const std::vector<Site>& sites, const std::string& node) {
  return *std::ranges::find(sites, node, &Site::node);
}

// Every node once, and as many replicas as asked for.
void expect_whole(const Placement& placement, const std::vector<Site>& sites, int replicas) {
  std::multiset<std::string> nodes;
  for (const PlacedShard& shard : placement.shards) {
    nodes.insert(shard.primary);
    nodes.insert(shard.replicas.begin(), shard.replicas.end());
    EXPECT_GE(std::ssize(shard.replicas), replicas);
  }
  std::multiset<std::string> expected;
  for (const Site& site : sites) expected.insert(site.node);
  EXPECT_EQ(nodes, expected);
  EXPECT_EQ(std::ssize(placement.shards), std::ssize(sites) / (replicas + 1));
}

int near_pairs(const Placement& placement, const std::vector<Site>& sites) {
  int pairs = 0;
  for (const PlacedShard& shard : placement.shards) {
    std::vector<std::string> nodes = shard.replicas;
    nodes.push_back(shard.primary);
    for (size_t i = 0; i < nodes.size(); ++i) {
      for (size_t j = 0; j < i; ++j) pairs += near(find(sites, nodes[i]), find(sites, nodes[j])) ? 1 : 0;
    }
  }
  return pairs;
}

TEST(Placement, OnOneHostTheFirstNodesBecomePrimaries) {
  std::vector<Site> sites;
  for (int port = 7001; port <= 7006; ++port)
    sites.push_back({.node = std::to_string(port), .host = "127.0.0.1", .zone = ""});
  Placement placement = placed(sites, 1);
  ASSERT_EQ(placement.shards.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(placement.shards[static_cast<size_t>(i)].primary, std::to_string(7001 + i));
    EXPECT_THAT(placement.shards[static_cast<size_t>(i)].replicas, ElementsAre(std::to_string(7004 + i)));
  }
  ASSERT_EQ(placement.compromises.size(), 3U);
  EXPECT_EQ(placement.compromises[0], "7001 and its replica 7004 are on the same host (127.0.0.1)");
}

TEST(Placement, ZonesAndHostsAreKeptApartAndPrimariesSpread) {
  for (auto [zones, hosts, nodes, replicas] :
       std::vector<std::tuple<int, int, int, int>>{{3, 1, 2, 1}, {3, 2, 1, 2}, {3, 4, 3, 2}, {2, 5, 2, 1}}) {
    std::vector<Site> sites = grid(zones, hosts, nodes);
    Placement placement = placed(sites, replicas);
    expect_whole(placement, sites, replicas);
    EXPECT_THAT(placement.compromises, IsEmpty());
    EXPECT_EQ(near_pairs(placement, sites), 0);
    std::map<std::string, int> primaries;
    for (int zone = 0; zone < zones; ++zone) primaries[fmt::format("z{}", zone)] = 0;
    for (const PlacedShard& shard : placement.shards) ++primaries[find(sites, shard.primary).zone];
    auto [least, most] = std::ranges::minmax_element(primaries, {}, [](const auto& at) { return at.second; });
    EXPECT_LE(most->second - least->second, 1) << zones << " zones, " << hosts << " hosts";
  }
}

TEST(Placement, TwoZonesForThreeCopiesPutThePrimaryAlone) {
  std::vector<Site> sites = grid(2, 3, 1);
  sites.resize(6);
  Placement placement = placed(sites, 2);
  expect_whole(placement, sites, 2);
  for (const PlacedShard& shard : placement.shards) {
    for (const std::string& replica : shard.replicas)
      EXPECT_NE(find(sites, replica).zone, find(sites, shard.primary).zone);
  }
  ASSERT_EQ(placement.compromises.size(), 2U);
  EXPECT_THAT(placement.compromises[0], HasSubstr("both replicas of"));
  EXPECT_THAT(placement.compromises[0], HasSubstr("in the same zone (z"));
}

TEST(Placement, ZonesCountEvenWhereAllNodesAreOnOneHost) {
  std::vector<Site> sites;
  for (int i = 0; i < 6; ++i)
    sites.push_back({.node = std::to_string(i), .host = "localhost", .zone = i < 3 ? "a" : "b"});
  for (const PlacedShard& shard : placed(sites, 1).shards)
    EXPECT_NE(find(sites, shard.primary).zone, find(sites, shard.replicas.at(0)).zone);
}

TEST(Placement, AnUnknownZoneIsThatOfTheOthersOnTheHost) {
  std::vector<Site> sites{{"a", "h1", "z1"}, {"b", "h2", "z1"}, {"c", "h1", ""},
                          {"d", "h3", "z2"}, {"e", "h4", "z2"}, {"f", "h5", "z2"}};
  Placement placement = placed(sites, 1);
  EXPECT_THAT(placement.compromises, IsEmpty());
  for (const PlacedShard& shard : placement.shards)
    EXPECT_NE(find(sites, shard.primary).zone == "z2", find(sites, shard.replicas.at(0)).zone == "z2");
}

TEST(Placement, NodesLeftOverAreSpread) {
  std::vector<Site> sites = grid(4, 2, 1);  // 8 nodes, 2 shards of 3 and 2 nodes left
  Placement placement = placed(sites, 2);
  expect_whole(placement, sites, 2);
  for (const PlacedShard& shard : placement.shards) EXPECT_EQ(shard.replicas.size(), 3U);
  EXPECT_THAT(placement.compromises, IsEmpty());
}

TEST(Placement, SaysHowManyNodesItTakes) {
  auto placement = place(grid(1, 1, 5), 1, 3);
  ASSERT_FALSE(placement);
  EXPECT_EQ(placement.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(placement.error().message,
            "5 nodes with 1 replica each make 2 shards; 3 are needed at least, which takes 6 nodes");
  EXPECT_FALSE(place(grid(1, 1, 5), -1, 1));
  EXPECT_FALSE(place({}, 0, 0));
}

TEST(Placement, ThreeHundredNodesArePlacedSoon) {
  for (const std::vector<Site>& sites : {grid(3, 50, 2), grid(1, 10, 30), grid(2, 3, 50)}) {
    auto start = std::chrono::steady_clock::now();
    expect_whole(placed(sites, 2), sites, 2);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  }
}

// --- Against all placements that there are.

// Calls `visit` with each way to put the sites into `groups` groups of at least `least`.
void each_grouping(size_t sites, size_t groups, size_t least,
                   const std::function<void(const std::vector<std::vector<size_t>>&)>& visit) {
  std::vector<std::vector<size_t>> grouped(groups);
  std::function<void(size_t)> put = [&](size_t site) {
    if (site == sites) {
      if (std::ranges::all_of(grouped, [&](const auto& group) { return group.size() >= least; }))
        visit(grouped);
      return;
    }
    for (auto& group : grouped) {
      bool fresh = group.empty();
      group.push_back(site);
      put(site + 1);
      group.pop_back();
      if (fresh) break;  // all empty groups are alike
    }
  };
  put(0);
}

std::vector<Site> any_sites(int most) {
  int count = *rc::gen::inRange(1, most + 1);
  int hosts = *rc::gen::inRange(1, 6);
  int zones = *rc::gen::inRange(0, 5);
  bool nested = *rc::gen::arbitrary<bool>();
  std::vector<Site> sites;
  for (int i = 0; i < count; ++i) {
    int host = *rc::gen::inRange(0, hosts);
    int zone = nested ? host % (zones + 1) : *rc::gen::inRange(0, zones + 1);
    sites.push_back({.node = std::to_string(i),
                     .host = fmt::format("h{}", host),
                     .zone = zone == 0 && zones > 0 ? fmt::format("z{}", zones) : fmt::format("z{}", zone)});
  }
  if (zones == 0) {
    for (Site& site : sites) site.zone.clear();
  }
  return sites;
}

RC_GTEST_PROP(PlacementProperty, NobodyIsNearIfThatIsPossible, ()) {
  std::vector<Site> sites = any_sites(8);
  int replicas = *rc::gen::inRange(0, 4);
  auto placement = place(sites, replicas, 1);
  size_t groups = sites.size() / static_cast<size_t>(replicas + 1);
  RC_ASSERT(placement.has_value() == (groups > 0));
  if (!placement) return;
  expect_whole(*placement, sites, replicas);
  bool possible = false;
  each_grouping(sites.size(), groups, static_cast<size_t>(replicas) + 1, [&](const auto& grouped) {
    for (const auto& group : grouped) {
      for (size_t i = 0; i < group.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
          if (near(sites[group[i]], sites[group[j]])) return;
        }
      }
    }
    possible = true;
  });
  RC_ASSERT(placement->compromises.empty() == possible);
  RC_ASSERT((near_pairs(*placement, sites) == 0) == possible);
}

// With one replica each there is but one kind of pair.
RC_GTEST_PROP(PlacementProperty, AsFewReplicasAsPossibleShareTheirPrimarysHost, ()) {
  std::vector<Site> sites = any_sites(8);
  RC_PRE(sites.size() >= 2U && sites.size() % 2 == 0);
  auto same_hosts = [&](const auto& same) { return same ? 1 : 0; };
  int least = 100;
  each_grouping(sites.size(), sites.size() / 2, 2, [&](const auto& grouped) {
    int same = 0;
    for (const auto& group : grouped) same += same_hosts(sites[group[0]].host == sites[group[1]].host);
    least = std::min(least, same);
  });
  int ours = 0;
  for (const PlacedShard& shard : placed(sites, 1).shards)
    ours += same_hosts(find(sites, shard.primary).host == find(sites, shard.replicas[0]).host);
  RC_ASSERT(ours == least);
}

RC_GTEST_PROP(EdgeColoringProperty, NoTwoEdgesAtAVertexAreAlikeAndColorsAreEven, ()) {
  int lefts = *rc::gen::inRange(1, 8);
  int rights = *rc::gen::inRange(1, 8);
  int count = *rc::gen::inRange(1, 40);
  std::vector<Edge> edges;
  std::map<int, int> at_left;
  std::map<int, int> at_right;
  int colors = 1 + *rc::gen::inRange(0, 3);
  for (int i = 0; i < count; ++i) {
    Edge edge{*rc::gen::inRange(0, lefts), *rc::gen::inRange(0, rights)};
    edges.push_back(edge);
    colors = std::max({colors, ++at_left[edge.first], ++at_right[edge.second]});
  }
  std::vector<int> color_of = color_edges(edges, colors);
  std::set<std::tuple<int, int, int>> seen;
  std::vector<int> uses(static_cast<size_t>(colors), 0);
  for (size_t i = 0; i < edges.size(); ++i) {
    RC_ASSERT(color_of[i] >= 0 && color_of[i] < colors);
    RC_ASSERT(seen.insert({0, edges[i].first, color_of[i]}).second);
    RC_ASSERT(seen.insert({1, edges[i].second, color_of[i]}).second);
    ++uses[static_cast<size_t>(color_of[i])];
  }
  RC_ASSERT(std::ranges::max(uses) - std::ranges::min(uses) <= 1);
}

// --- Replicas that join.

TEST(PlaceReplicas, JoinTheShardWithTheFewest) {
  std::vector<ShardSites> shards{{{{"a", "h1", ""}, {"a1", "h2", ""}}}, {{{"b", "h2", ""}}}};
  EXPECT_THAT(place_replicas(shards, {{"r", "h2", ""}}), ElementsAre(1U));
}

TEST(PlaceReplicas, PreferOtherHostsAndZones) {
  std::vector<ShardSites> shards{{{{"a", "h1", "z1"}}}, {{{"b", "h2", "z2"}}}, {{{"c", "h3", "z3"}}}};
  EXPECT_THAT(place_replicas(shards, {{"r1", "h1", "z1"}, {"r2", "h4", "z2"}, {"r3", "h5", "z1"}}),
              testing::UnorderedElementsAre(0U, 1U, 2U));
  std::vector<size_t> joins =
      place_replicas(shards, {{"r1", "h9", "z9"}, {"r2", "h1", "z1"}, {"r3", "h5", "z1"}});
  EXPECT_EQ(joins[0], 0U);  // it alone can be a's
}

TEST(PlaceReplicas, NobodyToJoin) { EXPECT_THAT(place_replicas({}, {{"r", "h", ""}}), IsEmpty()); }

}  // namespace
}  // namespace keyway::cluster
