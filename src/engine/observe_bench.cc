#include <benchmark/benchmark.h>

#include "engine/observe.h"
#include "engine/samples/samples.h"

namespace keyway::engine {
namespace {

void parse_info_of_a_replica(benchmark::State& state) {
  for (auto _ : state) {
    cluster::ServerFacts facts;
    bool loading = false;
    benchmark::DoNotOptimize(parse_info(kEngineSamples[5].info_replica, facts, loading));
  }
}
BENCHMARK(parse_info_of_a_replica);

void parse_nodes_of_seven(benchmark::State& state) {
  for (auto _ : state) {
    std::vector<cluster::OpenSlot> open;
    benchmark::DoNotOptimize(parse_cluster_nodes(kEngineSamples[0].nodes_migrating, &open));
  }
}
BENCHMARK(parse_nodes_of_seven);

}  // namespace
}  // namespace keyway::engine
