#include "cluster/site_groups.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "cluster/edge_coloring.h"

namespace keyway::cluster {

namespace {

// Where nothing is perfect, so many exchanges are weighed, then it is good as it is.
constexpr int64_t kEffort = 3'000'000;

Nearness operator+(const Nearness& left, const Nearness& right) {
  Nearness sum{};
  for (size_t i = 0; i < sum.size(); ++i) sum[i] = left[i] + right[i];
  return sum;
}

// The nearness with the best primary of the group.
Nearness best_nearness(const std::vector<Spot>& spots, const std::vector<size_t>& group) {
  Nearness best{};
  for (size_t i = 0; i < group.size(); ++i) {
    Nearness with = nearness(spots, group, group[i]);
    if (i == 0 || with < best) best = with;
  }
  return best;
}

// Numbers for the ends of edges: a value that more than `most` sites share counts as several.
class Ends {
 public:
  explicit Ends(int most) : most_(most) {}

  int of(int value) {
    auto [number, used] = last_[value];
    if (used == 0 || used == most_) {
      number = next_++;
      used = 0;
    }
    last_[value] = {number, used + 1};
    return number;
  }

 private:
  int most_;
  int next_ = 0;
  std::map<int, std::pair<int, int>> last_;  // the newest number of the value, and how many have it
};

// Exchanges sites between groups while that makes fewer pairs near.
void improve(const std::vector<Spot>& spots, std::vector<std::vector<size_t>>& groups) {
  std::vector<Nearness> costs;
  for (const auto& group : groups) costs.push_back(best_nearness(spots, group));
  int64_t effort = 0;
  bool better = true;
  auto exchange = [&](size_t a, size_t i, size_t b, size_t j) {
    std::swap(groups[a][i], groups[b][j]);
    auto size = static_cast<int64_t>(groups[a].size() + groups[b].size());
    effort += size * size * size / 4;
    Nearness first = best_nearness(spots, groups[a]);
    Nearness second = best_nearness(spots, groups[b]);
    if (first + second < costs[a] + costs[b]) {
      costs[a] = first;
      costs[b] = second;
      better = true;
    } else {
      std::swap(groups[a][i], groups[b][j]);
    }
  };
  while (better && effort < kEffort) {
    better = false;
    for (size_t a = 0; a < groups.size(); ++a) {
      for (size_t b = 0; b < groups.size() && effort < kEffort; ++b) {
        if (a == b || costs[a] == Nearness{}) continue;
        for (size_t i = 0; i < groups[a].size(); ++i) {
          for (size_t j = 0; j < groups[b].size(); ++j) exchange(a, i, b, j);
        }
      }
    }
  }
}

// Counts how unevenly primaries lie over zones and hosts.
class Spread {
 public:
  explicit Spread(const std::vector<Spot>& spots) : spots_(spots) {}

  void add(size_t site, int change) {
    for (auto [place, counts] : {std::pair{spots_[site].zone, &zones_}, {spots_[site].host, &hosts_}})
      (*counts)[place] += change;
  }
  // What it costs to have one more in the site's place: others of its zone, others of its host, its rank.
  std::array<size_t, 3> cost(size_t site) {
    return {static_cast<size_t>(zones_[spots_[site].zone]), static_cast<size_t>(hosts_[spots_[site].host]),
            site};
  }

 private:
  const std::vector<Spot>& spots_;
  std::map<int, int> zones_;
  std::map<int, int> hosts_;
};

// The sites of the group that may be its primary.
std::vector<size_t> candidates(const std::vector<Spot>& spots, const std::vector<size_t>& group) {
  Nearness best = best_nearness(spots, group);
  std::vector<size_t> fit;
  for (size_t site : group) {
    if (nearness(spots, group, site) == best) fit.push_back(site);
  }
  std::ranges::sort(fit);
  return fit;
}

}  // namespace

std::vector<Spot> spots_of(const std::vector<Site>& sites) {
  std::map<std::string, std::set<std::string>> zones_of_host;
  for (const Site& site : sites) {
    if (!site.zone.empty()) zones_of_host[site.host].insert(site.zone);
  }
  std::map<std::string, int> hosts;
  std::map<std::string, int> zones;
  std::vector<Spot> spots;
  for (const Site& site : sites) {
    const std::set<std::string>& known = zones_of_host[site.host];
    // A host stands in one zone: who does not say which is where the others are.
    std::string zone = !site.zone.empty()  ? "zone " + site.zone
                       : known.size() == 1 ? "zone " + *known.begin()
                                           : "host " + site.host;
    Spot spot;
    spot.host = hosts.try_emplace(site.host, static_cast<int>(hosts.size())).first->second;
    spot.zone = zones.try_emplace(zone, static_cast<int>(zones.size())).first->second;
    spots.push_back(spot);
  }
  return spots;
}

Nearness nearness(const std::vector<Spot>& spots, const std::vector<size_t>& group, size_t primary) {
  Nearness near{};
  for (size_t i = 0; i < group.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const Spot& left = spots[group[i]];
      const Spot& right = spots[group[j]];
      size_t kind = group[i] == primary || group[j] == primary ? 0 : 2;
      if (left.host == right.host) {
        ++near[kind];
      } else if (left.zone == right.zone) {
        ++near[kind + 1];
      }
    }
  }
  return near;
}

// A site is an edge between its host and its zone; a group is a colour. As long as there are no more sites on
// a host or in a zone than groups, the edges can be coloured; of more, each group gets several.
std::vector<std::vector<size_t>> group_sites(const std::vector<Spot>& spots, int groups) {
  std::vector<Edge> edges;
  Ends hosts(groups);
  Ends zones(groups);
  for (const Spot& spot : spots) edges.emplace_back(hosts.of(spot.host), zones.of(spot.zone));
  std::vector<int> colors = color_edges(edges, groups);
  std::vector<std::vector<size_t>> result(static_cast<size_t>(groups));
  for (size_t site = 0; site < spots.size(); ++site)
    result[static_cast<size_t>(colors[site])].push_back(site);
  improve(spots, result);
  return result;
}

std::vector<size_t> choose_primaries(const std::vector<Spot>& spots,
                                     const std::vector<std::vector<size_t>>& groups) {
  Spread spread(spots);
  std::vector<std::vector<size_t>> choices;
  std::vector<size_t> primaries;
  auto choose = [&](size_t group) {
    auto best = std::ranges::min_element(
        choices[group], [&](size_t left, size_t right) { return spread.cost(left) < spread.cost(right); });
    spread.add(*best, 1);
    return *best;
  };
  for (size_t group = 0; group < groups.size(); ++group) {
    choices.push_back(candidates(spots, groups[group]));
    primaries.push_back(choose(group));
  }
  constexpr int kRounds = 20;
  bool changed = true;
  for (int round = 0; round < kRounds && changed; ++round) {
    changed = false;
    for (size_t group = 0; group < groups.size(); ++group) {
      size_t old = primaries[group];
      spread.add(old, -1);
      primaries[group] = choose(group);
      changed = changed || primaries[group] != old;
    }
  }
  return primaries;
}

}  // namespace keyway::cluster
