#include <benchmark/benchmark.h>

#include <utility>

#include "base/format.h"
#include "cluster/balance.h"
#include "cluster/plan.h"

namespace keyway::cluster {
namespace {

constexpr int64_t kNowMs = 1'000'000;
constexpr int kMostLooks = 100;

struct Standing {
  Desired desired;
  Observed observed;
};

// A sharded cluster of pairs as it stands when nothing is left to do: what an idle supervisor plans for. Not
// converged if it does not get there.
std::pair<Standing, bool> converged_pairs(int shard_count) {
  Standing standing;
  standing.desired = make_desired(default_spec("app", Mode::kSharded, shard_count, 1), "users");
  uint16_t port = 7000;
  for (const DesiredShard& shard : standing.desired.shards) {
    for (const std::string& name : shard.nodes) {
      NodeFacts node;
      node.name = name;
      node.shard = shard.name;
      node.address = {"127.0.0.1", port};
      node.id =
          fmt::format("{:08x}{:032x}", port * 2654435761U, port);  // told apart early, as random ones are
      node.data = DataOnDisk::kNone;
      standing.observed.nodes.push_back(std::move(node));
      ++port;
    }
  }
  for (int look = 0; look < kMostLooks; ++look) {
    Plan made = plan(standing.desired, standing.observed, Policy{}, kNowMs);
    if (made.converged()) return {std::move(standing), true};
    for (const Step& step : made.steps) predict(standing.observed, standing.desired, step.action, kNowMs);
  }
  return {std::move(standing), false};
}

// The argument is the number of nodes. Each of them tells of all the others, so the facts alone grow with its
// square.
void plan_of_a_converged_cluster(benchmark::State& state) {
  auto [standing, converged] = converged_pairs(static_cast<int>(state.range(0) / 2));
  if (!converged) state.SkipWithError("the cluster does not converge");
  for (auto _ : state) benchmark::DoNotOptimize(plan(standing.desired, standing.observed, Policy{}, kNowMs));
}
BENCHMARK(plan_of_a_converged_cluster)->Arg(6)->Arg(30)->Arg(200)->Unit(benchmark::kMicrosecond);

// The first plan of all: every node is started with a table in which all the others are.
void plan_of_a_new_cluster(benchmark::State& state) {
  auto [standing, converged] = converged_pairs(static_cast<int>(state.range(0) / 2));
  for (NodeFacts& node : standing.observed.nodes) {
    NodeFacts fresh;
    fresh.name = node.name;
    fresh.shard = node.shard;
    fresh.address = node.address;
    fresh.id = node.id;
    fresh.data = DataOnDisk::kNone;
    node = std::move(fresh);
  }
  standing.observed.formed = false;
  standing.observed.shards.clear();
  for (auto _ : state) {
    Plan made = plan(standing.desired, standing.observed, Policy{}, kNowMs);
    if (made.steps.size() != standing.observed.nodes.size()) state.SkipWithError("not every node is started");
    benchmark::DoNotOptimize(made);
  }
}
BENCHMARK(plan_of_a_new_cluster)->Arg(6)->Arg(30)->Arg(200)->Unit(benchmark::kMicrosecond);

std::vector<ShardSlots> even_shards(int count) {
  std::vector<ShardSlots> shards;
  for (int i = 0; i < count; ++i) {
    ShardSlots shard;
    shard.shard = fmt::format("p{}", i + 1);
    shard.slots = {even_range(i, count)};
    shards.push_back(std::move(shard));
  }
  return shards;
}

void balance_when_even(benchmark::State& state) {
  std::vector<ShardSlots> shards = even_shards(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(balance(shards));
}
BENCHMARK(balance_when_even)->Arg(3)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

// The last shard leaves, so that every other one gets some of its slots.
void balance_when_one_leaves(benchmark::State& state) {
  std::vector<ShardSlots> shards = even_shards(static_cast<int>(state.range(0)));
  shards.back().leaving = true;
  for (auto _ : state) benchmark::DoNotOptimize(balance(shards));
}
BENCHMARK(balance_when_one_leaves)->Arg(3)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

// Half of the shards are new.
void balance_when_doubled(benchmark::State& state) {
  auto count = static_cast<int>(state.range(0));
  std::vector<ShardSlots> shards = even_shards(count / 2);
  for (int i = count / 2; i < count; ++i) shards.push_back({fmt::format("p{}", i + 1), {}, {}, false});
  for (auto _ : state) benchmark::DoNotOptimize(balance(shards));
}
BENCHMARK(balance_when_doubled)->Arg(4)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace keyway::cluster
