#include "checker.h"

#include <algorithm>
#include <set>

#include "cluster/balance.h"
#include "server.h"

namespace keyway::simulation {
namespace {

constexpr int64_t kMaxSteps = 4000;        // of a whole run
constexpr int64_t kRivalryUs = 4'000'000;  // two that are connected agree within this

bool overlap(const cluster::SlotRanges& a, const cluster::SlotRanges& b) {
  return cluster::count(subtract(a, b)) != cluster::count(a);
}

bool takes_writes(const Server* server) {
  return server != nullptr && server->serving() && !server->paused && server->bus != nullptr &&
         server->bus->is_primary() && server->bus->ok();
}

}  // namespace

void Checker::check_tick(const reconcile::Tick& tick) {
  std::set<std::string> disrupted;
  for (const cluster::Step& step : tick.plan.steps) {
    if (!cluster::disruptive(step.action) || step.shard.empty()) continue;
    if (!disrupted.insert(step.shard).second) {
      world_.ledger.violation("a plan disrupts " + step.shard + " twice: " + cluster::describe(step.action));
    }
  }
  steps_ += static_cast<int64_t>(tick.outcomes.size());
  if (steps_ > kMaxSteps) world_.ledger.violation(fmt::format("more than {} steps were taken", kMaxSteps));
}

void Checker::check_writers() {
  if (!world_.settings.sharded) return;
  std::map<std::pair<int, int>, int64_t> still;
  for (int a = 0; a < world_.place_count(); ++a) {
    const Server* left = world_.server(a);
    if (!takes_writes(left)) continue;
    cluster::SlotRanges slots = left->bus->table().slots.of(left->bus->my_id());
    for (int b = a + 1; b < world_.place_count(); ++b) {
      const Server* right = world_.server(b);
      if (!takes_writes(right) || world_.network.cut_any(a, b)) continue;
      if (!overlap(slots, right->bus->table().slots.of(right->bus->my_id()))) continue;
      auto before = rivals_.find({a, b});
      int64_t since_us = before == rivals_.end() ? world_.now_us() : before->second;
      still[{a, b}] = since_us;
      if (world_.now_us() - since_us > kRivalryUs) {
        world_.ledger.violation(
            fmt::format("{} and {} both take writes for the same slots", left->name(), right->name()));
      }
    }
  }
  rivals_ = std::move(still);
}

std::optional<std::string> Checker::unsettled_process(const ModelPlatform::Node& node) const {
  const Server* server = world_.server(node.place);
  if (server == nullptr || !server->serving()) return node.name + " does not serve";
  const cluster::Desired desired = platform_.desired();
  const cluster::DesiredShard* wanted = nullptr;
  for (const cluster::DesiredShard& shard : desired.shards) {
    if (std::find(shard.nodes.begin(), shard.nodes.end(), node.name) != shard.nodes.end()) wanted = &shard;
  }
  if (wanted == nullptr) return node.name + " is no longer wanted and still there";
  for (const auto& [name, value] : wanted->config) {
    auto at = server->config.find(name);
    if (at == server->config.end() || at->second != value) return node.name + " runs with another " + name;
  }
  auto restart = desired.restart_before_ms.find(node.name);
  if (restart != desired.restart_before_ms.end() &&
      kWallStartMs + server->started_us / 1000 < restart->second) {
    return node.name + " was not restarted";
  }
  if (node.applied_users != desired.users_fingerprint) return node.name + " has other users";
  return std::nullopt;
}

// Each slot has one owner in the eyes of all, and its shard is the right one.
std::optional<std::string> Checker::unsettled_slots() const {
  std::vector<cluster::ShardSlots> shares;
  for (const cluster::PartitionSpec& partition : platform_.spec().partitions) {
    shares.push_back({partition.name, share_of(partition), partition.slots, false});
  }
  int owned = 0;
  for (const cluster::ShardSlots& share : shares) owned += cluster::count(share.slots);
  if (owned != cluster::kSlotCount) return fmt::format("{} slots have an owner", owned);
  if (!cluster::balance(shares).empty()) return "the slots are not where they should be";
  return std::nullopt;
}

cluster::SlotRanges Checker::share_of(const cluster::PartitionSpec& partition) const {
  for (const ModelPlatform::Node& node : platform_.nodes()) {
    const Server* server = world_.server(node.place);
    if (node.shard == partition.name && server->is_primary()) {
      return server->bus->table().slots.of(server->bus->my_id());
    }
  }
  return {};
}

// Every server knows every node, and nobody else, in its right role.
std::optional<std::string> Checker::unsettled_table(const Server& server) const {
  const Bus& bus = *server.bus;
  if (!bus.ok()) return server.name() + " says cluster_state:fail";
  if (!bus.table().migrating.empty() || !bus.table().importing.empty())
    return server.name() + " has open slots";
  if (bus.table().peers.size() != platform_.nodes().size()) {
    return fmt::format("{} knows {} nodes of {}", server.name(), bus.table().peers.size(),
                       platform_.nodes().size());
  }
  for (const ModelPlatform::Node& node : platform_.nodes()) {
    const Server* other = world_.server(node.place);
    const Peer* peer = bus.find(other->bus->my_id());
    if (peer == nullptr) return server.name() + " does not know " + node.name;
    if (peer->fail || peer->pfail) return server.name() + " takes " + node.name + " for down";
    if (peer->primary != other->is_primary())
      return server.name() + " does not know the role of " + node.name;
    if (bus.table().slots.of(peer->id) != other->bus->table().slots.of(peer->id)) {
      return fmt::format("{} and {} do not agree on the slots of the latter", server.name(), node.name);
    }
  }
  return std::nullopt;
}

std::optional<std::string> Checker::unsettled_shard(const cluster::PartitionSpec& partition) const {
  const Server* primary = nullptr;
  for (const ModelPlatform::Node& node : platform_.nodes()) {
    const Server* server = world_.server(node.place);
    if (node.shard != partition.name || !server->is_primary()) continue;
    if (primary != nullptr) return fmt::format("{} and {} are both primaries", primary->name(), node.name);
    primary = server;
  }
  if (primary == nullptr) return partition.name + " has no primary";
  int members = 0;
  for (const ModelPlatform::Node& node : platform_.nodes()) {
    if (node.shard != partition.name) continue;
    ++members;
    const Server* server = world_.server(node.place);
    if (server == primary) continue;
    if (server->replication.primary_place != primary->place) return node.name + " follows somebody else";
    if (!server->replication.in_stream()) return node.name + " is not in sync";
    if (server->values != primary->values) return node.name + " has other data than " + primary->name();
  }
  if (members != partition.replicas + 1) return fmt::format("{} has {} nodes", partition.name, members);
  if (!world_.settings.sharded && platform_.record(partition.name).primary != primary->name()) {
    return "the record does not name the primary of " + partition.name;
  }
  return std::nullopt;
}

std::optional<std::string> Checker::unsettled_keys(Workload& workload) const {
  for (size_t i = 0; i < world_.key_names.size(); ++i) {
    int key = static_cast<int>(i);
    int64_t promised = world_.ledger.promised(key);
    std::optional<int64_t> value;
    for (int attempt = 0; attempt < 20 && !value; ++attempt) value = workload.read(key);
    if (!value) return world_.key_names[i] + " cannot be read";
    if (*value < promised) {
      return fmt::format("{} is {}; {} was promised (best copy: {})", world_.key_names[i], *value, promised,
                         world_.ledger.best_copy(key));
    }
    if (*value > world_.ledger.attempted(key)) return world_.key_names[i] + " has a value that nobody wrote";
  }
  return std::nullopt;
}

std::optional<std::string> Checker::unsettled(Workload& workload) {
  for (const ModelPlatform::Node& node : platform_.nodes()) {
    if (auto why = unsettled_process(node)) return why;
  }
  for (const cluster::PartitionSpec& partition : platform_.spec().partitions) {
    if (auto why = unsettled_shard(partition)) return why;
  }
  if (world_.settings.sharded) {
    for (const ModelPlatform::Node& node : platform_.nodes()) {
      if (auto why = unsettled_table(*world_.server(node.place))) return why;
    }
    if (auto why = unsettled_slots()) return why;
  }
  return unsettled_keys(workload);
}

}  // namespace keyway::simulation
