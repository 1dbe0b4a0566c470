// What a plan for a cluster of any size costs. Not run by the test suite.
#include <benchmark/benchmark.h>

#include "base/format.h"
#include "cluster/rebalance.h"

namespace keyway::cluster {
namespace {

std::vector<SlotHolder> even_and_empty(int holding, int empty) {
  std::vector<SlotHolder> holders;
  for (int i = 0; i < holding; ++i)
    holders.push_back({.id = fmt::format("n{}", i), .slots = {even_range(i, holding)}});
  for (int i = 0; i < empty; ++i) holders.push_back({.id = fmt::format("e{}", i), .slots = {}});
  return holders;
}

// Many small ranges, as other tools leave them.
std::vector<SlotHolder> fragmented(int holding, int empty, int longest) {
  std::vector<SlotHolder> holders = even_and_empty(holding, empty);
  for (SlotHolder& holder : holders) holder.slots.clear();
  uint32_t state = 1;
  auto random = [&](int below) {
    state = state * 1664525U + 1013904223U;
    return static_cast<int>((state >> 8) % static_cast<uint32_t>(below));
  };
  for (int slot = 0; slot < kSlotCount;) {
    int last = std::min(kSlotCount - 1, slot + random(longest));
    holders[static_cast<size_t>(random(holding))].slots.push_back(
        {static_cast<Slot>(slot), static_cast<Slot>(last)});
    slot = last + 1;
  }
  for (SlotHolder& holder : holders) holder.slots = normalize(holder.slots);
  return holders;
}

void run(benchmark::State& state, const std::vector<SlotHolder>& holders, const SlotLoads& loads = {}) {
  for (auto _ : state) {
    auto moves = rebalance(holders, {.loads = loads});
    if (!moves || moves->empty()) state.SkipWithError("nothing was planned");
    benchmark::DoNotOptimize(moves);
  }
}

void rebalance_when_some_join(benchmark::State& state) {
  run(state, even_and_empty(static_cast<int>(state.range(0)), static_cast<int>(state.range(1))));
}
BENCHMARK(rebalance_when_some_join)
    ->Args({99, 1})
    ->Args({999, 1})
    ->Args({900, 100})
    ->Args({500, 500})
    ->Unit(benchmark::kMillisecond);

void rebalance_when_some_leave(benchmark::State& state) {
  std::vector<SlotHolder> holders = even_and_empty(1000, 0);
  for (size_t i = 0; i < static_cast<size_t>(state.range(0)); ++i) holders[i * 3].weight = 0;
  run(state, holders);
}
BENCHMARK(rebalance_when_some_leave)->Arg(1)->Arg(300)->Unit(benchmark::kMillisecond);

void rebalance_of_small_ranges(benchmark::State& state) {
  run(state, fragmented(900, 100, static_cast<int>(state.range(0))));
}
BENCHMARK(rebalance_of_small_ranges)->Arg(1)->Arg(8)->Unit(benchmark::kMillisecond);

void rebalance_by_load(benchmark::State& state) {
  SlotLoads loads(kSlotCount);
  for (size_t slot = 0; slot < loads.size(); ++slot)
    loads[slot] = 1 / (static_cast<double>((slot + 1) * 7919 % 10007) + 1);
  run(state, even_and_empty(static_cast<int>(state.range(0)), 10), loads);
}
BENCHMARK(rebalance_by_load)->Arg(100)->Arg(990)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace keyway::cluster
