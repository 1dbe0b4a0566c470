#include "proxy/replica_scout.h"

#include <algorithm>
#include <chrono>

#include "engine/observe.h"
#include "proxy/looking_servers.h"

namespace keyway::proxy {

namespace {

using std::chrono::steady_clock;

constexpr int64_t kTimeoutMs = 1000;
constexpr int64_t kMinPauseMs = 100;
constexpr int64_t kMaxPauseMs = 1000;
constexpr size_t kMeasured = 16;  // nodes in one look

int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now().time_since_epoch())
      .count();
}

NodeLook understand(const engine::Response& response) {
  NodeLook look;
  if (!response.ok()) return look;
  bool loading = false;
  if (!engine::parse_info(response.replies.front().text, look.facts, loading) || loading) return look;
  bool is_primary = response.replies.size() > 1;
  look.answers = !is_primary ||
                 engine::parse_cluster_nodes(response.replies[1].text, &look.facts.open_slots).has_value();
  return look;
}

}  // namespace

ReplicaScout::ReplicaScout(Board& board, ReadOptions options) : board_(board), options_(std::move(options)) {}

ReplicaScout::~ReplicaScout() {
  {
    std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ReplicaScout::start() {
  if (options_.policy == ReadPolicy::kPrimary) return;
  thread_ = std::thread([this] { run(); });
}

void ReplicaScout::run() {
  LookingServers servers(board_);
  do {
    look(servers.get());
  } while (pause());
}

bool ReplicaScout::pause() {
  auto time = std::chrono::milliseconds(std::clamp(options_.max_lag_ms / 4, kMinPauseMs, kMaxPauseMs));
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return ends_; });
}

void ReplicaScout::look(engine::Servers& servers) {
  std::shared_ptr<const Topology> topology = board_.news().topology;
  if (topology == nullptr) return;
  NodeLooks looks = ask_all(servers, *topology);
  if (options_.policy == ReadPolicy::kNearest) measure(servers, looks);
  ReadPlan plan = plan_reads(*topology, looks, options_, histories_, now_us() / 1000);
  if (plan == plan_) return;
  plan_ = plan;
  board_.set_reads(std::make_shared<const ReadPlan>(std::move(plan)));
}

NodeLooks ReplicaScout::ask_all(engine::Servers& servers, const Topology& topology) {
  std::vector<engine::Request> requests;
  for (const TopologyNode& node : topology.nodes) {
    if (node.failed) continue;
    engine::Request& request = requests.emplace_back(engine::Request{node.address, {{"INFO"}}});
    if (node.primary) request.commands.push_back({"CLUSTER", "NODES"});
  }
  std::vector<engine::Response> responses = servers.exchange(requests, kTimeoutMs);
  NodeLooks looks;
  for (size_t i = 0; i < requests.size(); ++i) looks[requests[i].address] = understand(responses[i]);
  return looks;
}

// One after the other, since they would wait for each other otherwise; so not of all nodes each time.
void ReplicaScout::measure(engine::Servers& servers, NodeLooks& looks) {
  std::erase_if(round_trips_, [&](const auto& entry) { return !looks.contains(entry.first); });
  auto next = looks.upper_bound(measured_last_);
  for (size_t i = 0; i < std::min(kMeasured, looks.size()); ++i) {
    if (next == looks.end()) next = looks.begin();
    const auto& [address, look] = *next++;
    measured_last_ = address;
    int64_t begun_us = now_us();
    if (look.answers && servers.call(address, {"PING"}, kTimeoutMs))
      round_trips_[address].note(now_us() - begun_us);
  }
  for (auto& [address, look] : looks) {
    auto known = round_trips_.find(address);
    if (known != round_trips_.end()) look.round_trip_us = known->second.least_us();
  }
}

}  // namespace keyway::proxy
