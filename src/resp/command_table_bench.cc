// Finding a command by name, and its keys.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "resp/command_keys.h"
#include "resp/command_table.h"

namespace keyway::resp {
namespace {

void find(benchmark::State& state, std::string name) {
  const CommandTable& table = CommandTable::builtin();
  for (auto _ : state) {
    benchmark::DoNotOptimize(name.data());
    benchmark::DoNotOptimize(table.find(name));
  }
}
BENCHMARK_CAPTURE(find, get, "GET");
BENCHMARK_CAPTURE(find, small_get, "get");
BENCHMARK_CAPTURE(find, hincrby, "HINCRBY");
BENCHMARK_CAPTURE(find, zrangebyscore, "ZRANGEBYSCORE");
BENCHMARK_CAPTURE(find, georadiusbymember_ro, "GEORADIUSBYMEMBER_RO");
BENCHMARK_CAPTURE(find, unknown, "NONSENSE");

void find_in_turn(benchmark::State& state) {
  static constexpr std::array<std::string_view, 8> kNames = {"GET",    "SET",  "HGET",  "ZADD",
                                                             "EXPIRE", "INCR", "LPUSH", "EVALSHA"};
  const CommandTable& table = CommandTable::builtin();
  size_t next = 0;
  for (auto _ : state) {
    next = (next * 5 + 1) % kNames.size();
    benchmark::DoNotOptimize(table.find(kNames[next]));
  }
}
BENCHMARK(find_in_turn);

void resolve_and_find_keys(benchmark::State& state, std::string line) {
  const CommandTable& table = CommandTable::builtin();
  std::vector<std::string_view> arguments = split_blanks(line);
  KeyPositions positions;
  for (auto _ : state) {
    benchmark::DoNotOptimize(arguments.data());
    const CommandSpec* spec = table.resolve(arguments);
    benchmark::DoNotOptimize(key_positions(*spec, arguments, positions));
    benchmark::DoNotOptimize(positions);
  }
}
BENCHMARK_CAPTURE(resolve_and_find_keys, get, "GET a");
BENCHMARK_CAPTURE(resolve_and_find_keys, set, "SET a value EX 10");
BENCHMARK_CAPTURE(resolve_and_find_keys, mset, "MSET a 1 b 2 c 3 d 4");
BENCHMARK_CAPTURE(resolve_and_find_keys, eval, "EVALSHA 0123456789 2 a b value");
BENCHMARK_CAPTURE(resolve_and_find_keys, xreadgroup, "XREADGROUP GROUP g c COUNT 10 STREAMS a b > >");
BENCHMARK_CAPTURE(resolve_and_find_keys, xgroup_create, "XGROUP CREATE a g 0");

}  // namespace
}  // namespace keyway::resp
