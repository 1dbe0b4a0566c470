#include <benchmark/benchmark.h>

#include <string>

#include "resp/slot.h"

namespace keyway::resp {
namespace {

void slot_of_key(benchmark::State& state) {
  std::string key(static_cast<size_t>(state.range(0)), 'k');
  for (auto _ : state) {
    benchmark::DoNotOptimize(key.data());
    benchmark::DoNotOptimize(key_slot(key));
  }
  state.SetBytesProcessed(state.range(0) * static_cast<int64_t>(state.iterations()));
}
BENCHMARK(slot_of_key)->Arg(8)->Arg(16)->Arg(64)->Arg(1024);

void slot_of_tagged_key(benchmark::State& state) {
  std::string key = "{user1000}.following:of:somebody";
  for (auto _ : state) {
    benchmark::DoNotOptimize(key.data());
    benchmark::DoNotOptimize(key_slot(key));
  }
}
BENCHMARK(slot_of_tagged_key);

}  // namespace
}  // namespace keyway::resp
