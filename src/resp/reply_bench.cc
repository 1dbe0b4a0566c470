#include <benchmark/benchmark.h>

#include <string>

#include "base/format.h"
#include "resp/reply.h"

namespace keyway::resp {
namespace {

void read_all(benchmark::State& state, const std::string& wire, size_t piece_bytes) {
  for (auto _ : state) {
    ReplyParser parser;
    std::optional<Reply> reply;
    for (size_t at = 0; at < wire.size(); at += piece_bytes) {
      parser.feed(std::string_view(wire).substr(at, piece_bytes));
      reply = std::move(parser.next().value());
    }
    if (!reply) state.SkipWithError("the reply is not whole");
    benchmark::DoNotOptimize(reply);
  }
  state.SetBytesProcessed(static_cast<int64_t>(wire.size()) * static_cast<int64_t>(state.iterations()));
}

void small_status(benchmark::State& state) { read_all(state, "+OK\r\n", 64); }
BENCHMARK(small_status);

// INFO and CLUSTER NODES: one string of some KiB.
void text_of_8_kib(benchmark::State& state) {
  read_all(state, fmt::format("$8192\r\n{}\r\n", std::string(8192, 'x')), 16384);
}
BENCHMARK(text_of_8_kib);

// CLUSTER GETKEYSINSLOT: as many short strings as the argument says, in pieces of 1 KiB. Linear, or something
// is read twice.
void keys_in_pieces(benchmark::State& state) {
  std::string wire = fmt::format("*{}\r\n", state.range(0));
  for (int64_t i = 0; i < state.range(0); ++i) wire += fmt::format("$10\r\nkey:{:06}\r\n", i);
  read_all(state, wire, 1024);
  state.SetComplexityN(state.range(0));
}
BENCHMARK(keys_in_pieces)->RangeMultiplier(8)->Range(64, 1 << 18)->Complexity(benchmark::oN);

// One value in pieces of 16 KiB, as a socket gives them.
void value_in_pieces(benchmark::State& state) {
  auto size_bytes = static_cast<size_t>(state.range(0));
  read_all(state, fmt::format("${}\r\n{}\r\n", size_bytes, std::string(size_bytes, 'x')), 16384);
  state.SetComplexityN(state.range(0));
}
BENCHMARK(value_in_pieces)->RangeMultiplier(8)->Range(1 << 16, 1 << 25)->Complexity(benchmark::oN);

}  // namespace
}  // namespace keyway::resp
