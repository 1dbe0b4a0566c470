// How long it takes to ask real servers a great many small things at once.
#include <benchmark/benchmark.h>

#include <boost/asio/io_context.hpp>
#include <deque>

#include "engine/fleet.h"
#include "engine/test_server.h"

namespace keyway::engine {
namespace {

constexpr int kSlots = 16384;

// As the search for keys with several owners does: every slot of every primary.
void count_keys_of_every_slot(benchmark::State& state) {
  std::vector<TestEngine> engines = test_engines();
  if (engines.empty()) return state.SkipWithError("no server is installed");
  std::deque<TestServer> servers;
  std::vector<Request> requests;
  for (int i = 0; i < state.range(0); ++i) {
    servers.emplace_back(engines.front()).start("cluster-enabled yes");
    Request& request = requests.emplace_back();
    request.address = servers.back().address();
    for (int slot = 0; slot < kSlots; ++slot) {
      request.commands.push_back({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)});
    }
  }
  boost::asio::io_context io;
  Fleet fleet(io, [] { return Credentials{}; });
  for (const Request& request : requests) {
    wait_until([&] { return fleet.call(request.address, {"PING"}, 500).has_value(); });
  }
  for (auto _ : state) {
    for (const Response& response : fleet.exchange(requests, 30'000)) {
      if (!response.ok()) return state.SkipWithError(response.error->message.c_str());
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * kSlots);
}
BENCHMARK(count_keys_of_every_slot)->Arg(1)->Arg(41)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace keyway::engine
