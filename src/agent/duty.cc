#include "agent/duty.h"

#include <cstdio>

#include "engine/observe.h"
#include "platform/local/files.h"

namespace keyway::agent {

namespace {

constexpr int64_t kLookMs = 400;

std::string acceptance_file(const Settings& settings) { return settings.data_folder + "/accept-data-loss"; }

}  // namespace

bool accepts_loss(const Settings& settings) {
  return platform::local::file_exists(acceptance_file(settings));
}

void heeded_acceptance(const Settings& settings) { std::remove(acceptance_file(settings).c_str()); }

std::vector<cluster::NodeFacts> look_at(engine::Servers& servers, cluster::Mode mode,
                                        const std::vector<std::pair<std::string, Address>>& nodes) {
  cluster::Observed observed;
  for (const auto& [name, address] : nodes) {
    cluster::NodeFacts& node = observed.nodes.emplace_back();
    node.name = name;
    node.address = address;
    node.process = cluster::Process::kRunning;
  }
  engine::observe(servers, mode, observed, kLookMs);
  return std::move(observed.nodes);
}

}  // namespace keyway::agent
