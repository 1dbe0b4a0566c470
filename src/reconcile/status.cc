#include "reconcile/status.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/format.h"
#include "cluster/ownership.h"

namespace keyway::reconcile {
namespace {

using cluster::Mode;
using cluster::NodeFacts;
using cluster::Role;

bool is_primary(const NodeFacts& node) { return node.answering() && node.server.role == Role::kPrimary; }

std::string role_of(const NodeFacts& node) {
  if (!node.answering()) return "unknown";
  return node.server.role == Role::kPrimary ? "primary" : "replica";
}

std::string id_of(const NodeFacts& node, Mode mode) {
  return mode == Mode::kReplicated ? node.server.replid : cluster::effective_id(node);
}

NodeStatus node_status(const NodeFacts& node, Mode mode, const NodeFacts* primary, int64_t wall_ms) {
  NodeStatus status;
  status.name = node.name;
  status.id = id_of(node, mode);
  status.address = to_string(node.address);
  status.pid = node.running() ? node.pid : 0;
  status.role = role_of(node);
  status.health = cluster::health(node, mode);
  if (status.health != "ok") status.note = node.note;
  if (node.running() && node.started_ms > 0) {
    status.uptime_s = std::max<int64_t>(0, (wall_ms - node.started_ms) / 1000);
  }
  if (!node.answering()) return status;
  status.offset = node.server.offset;
  status.keys = node.server.keys;
  status.memory_bytes = node.server.memory_bytes;
  if (node.server.role == Role::kReplica) {
    const bool in_stream = node.server.link_up && !node.server.syncing && node.server.last_io_ms >= 0;
    if (in_stream) status.lag_s = static_cast<double>(node.server.last_io_ms) / 1000.0;
    if (primary) status.lag_bytes = std::max<int64_t>(0, primary->server.offset - node.server.offset);
  }
  return status;
}

// Which slots are whose, by shard, and how many belong to anybody at all.
struct SlotMap {
  std::map<std::string, cluster::SlotRanges, std::less<>> by_shard;
  int owned = 0;
};

SlotMap map_slots(const cluster::Observed& observed) {
  SlotMap map;
  const cluster::Knowledge knowledge(observed);
  for (const auto& [id, known] : knowledge.nodes()) {
    map.owned += cluster::count(known.view.slots);
    if (!known.facts) continue;
    auto& ranges = map.by_shard[known.facts->shard];
    ranges.insert(ranges.end(), known.view.slots.begin(), known.view.slots.end());
  }
  for (auto& [shard, ranges] : map.by_shard) ranges = cluster::normalize(std::move(ranges));
  return map;
}

// A shard on its way in or out owns no slots: that it takes no writes hurts nobody.
bool serves_nothing(const ShardStatus& shard, Mode mode, bool formed) {
  return mode == Mode::kSharded && formed && shard.slots.empty();
}

ShardStatus shard_status(const std::string& name, Mode mode, const cluster::Observed& observed,
                         const std::set<std::string>& wanted, int64_t wall_ms) {
  ShardStatus shard;
  shard.name = name;
  const NodeFacts* primary = cluster::primary_of(observed, mode, name);
  if (primary && !is_primary(*primary)) primary = nullptr;
  bool whole = primary != nullptr;
  std::set<std::string> seen;
  for (const auto& node : observed.nodes) {
    if (node.shard != name) continue;
    seen.insert(node.name);
    NodeStatus status = node_status(node, mode, primary, wall_ms);
    if (wanted.contains(node.name) && status.health != "ok") whole = false;
    if (&node == primary) {
      shard.primary = std::move(status);
    } else {
      shard.replicas.push_back(std::move(status));
    }
  }
  if (!std::includes(seen.begin(), seen.end(), wanted.begin(), wanted.end())) whole = false;
  std::sort(shard.replicas.begin(), shard.replicas.end(),
            [](const NodeStatus& a, const NodeStatus& b) { return a.name < b.name; });
  const bool takes_writes = primary && (mode == Mode::kReplicated || primary->server.cluster_ok);
  shard.health = !takes_writes ? "down" : whole ? "ok" : "degraded";
  return shard;
}

// Desired shards in their order, then those that are on their way out.
std::vector<std::pair<std::string, std::set<std::string>>> shard_names(const cluster::Desired& desired,
                                                                       const cluster::Observed& observed) {
  std::vector<std::pair<std::string, std::set<std::string>>> shards;
  std::set<std::string> named;
  for (const auto& shard : desired.shards) {
    shards.emplace_back(shard.name, std::set<std::string>(shard.nodes.begin(), shard.nodes.end()));
    named.insert(shard.name);
  }
  std::set<std::string> leaving;
  for (const auto& node : observed.nodes) {
    if (!named.contains(node.shard)) leaving.insert(node.shard);
  }
  for (const auto& name : leaving) shards.emplace_back(name, std::set<std::string>{});
  return shards;
}

std::string engine_of(const cluster::Observed& observed) {
  std::set<std::string> engines;  // two of them while servers are being exchanged for newer ones
  for (const auto& node : observed.nodes) {
    if (!node.answering() || node.server.version.empty()) continue;
    engines.insert(fmt::format("{} {}", cluster::to_string(node.server.engine), node.server.version));
  }
  std::string text;
  for (const auto& engine : engines) text += (text.empty() ? "" : ", ") + engine;
  return text;
}

std::string state_of(const ClusterStatus& status, Mode mode, const cluster::Observed& observed,
                     const cluster::Plan& plan, int owned_slots) {
  const bool runs = std::any_of(observed.nodes.begin(), observed.nodes.end(),
                                [](const NodeFacts& node) { return node.running(); });
  if (!runs) return "stopped";
  if (!plan.problems.empty()) return "blocked";
  if (!observed.formed) return "creating";
  bool down = mode == Mode::kSharded && owned_slots < cluster::kSlotCount;
  bool degraded = false;
  for (const auto& shard : status.shards) {
    if (serves_nothing(shard, mode, observed.formed)) continue;
    down = down || shard.health == "down";
    degraded = degraded || shard.health != "ok";
  }
  if (down) return "down";
  if (degraded) return "degraded";
  const bool settled = std::all_of(status.shards.begin(), status.shards.end(),
                                   [](const ShardStatus& shard) { return shard.health == "ok"; });
  return settled && status.doing.empty() ? "ready" : "changing";
}

using Json = nlohmann::ordered_json;

Json node_json(const NodeStatus& node) {
  Json json;
  json["name"] = node.name;
  json["id"] = node.id;
  json["address"] = node.address;
  json["pid"] = node.pid;
  json["role"] = node.role;
  json["offset"] = node.offset;
  json["lag_s"] = node.lag_s ? Json(*node.lag_s) : Json(nullptr);
  json["lag_bytes"] = node.lag_bytes;
  json["keys"] = node.keys;
  json["memory_bytes"] = node.memory_bytes;
  json["uptime_s"] = node.uptime_s;
  json["health"] = node.health;
  json["note"] = node.note;
  return json;
}

Json shard_json(const ShardStatus& shard) {
  Json json;
  json["name"] = shard.name;
  json["health"] = shard.health;
  json["slots"] = Json::array();
  for (const auto& range : shard.slots) json["slots"].push_back(Json::array({range.first, range.last}));
  json["primary"] = shard.primary ? node_json(*shard.primary) : Json(nullptr);
  json["replicas"] = Json::array();
  for (const auto& node : shard.replicas) json["replicas"].push_back(node_json(node));
  return json;
}

Json proxy_json(const ProxyStatus& proxy) {
  return {{"address", proxy.address},
          {"pid", proxy.pid},
          {"user", proxy.user},
          {"health", proxy.health()},
          {"note", proxy.note}};
}

}  // namespace

ClusterStatus make_status(const std::string& name, const cluster::Desired& desired,
                          const cluster::Observed& observed, const cluster::Plan& plan, int64_t wall_ms) {
  ClusterStatus status;
  status.name = name;
  status.mode = cluster::to_string(desired.mode);
  status.engine = engine_of(observed);
  SlotMap slots;
  if (desired.mode == Mode::kSharded) slots = map_slots(observed);
  for (const auto& [shard_name, nodes] : shard_names(desired, observed)) {
    ShardStatus shard = shard_status(shard_name, desired.mode, observed, nodes, wall_ms);
    if (const auto it = slots.by_shard.find(shard_name); it != slots.by_shard.end()) shard.slots = it->second;
    if (shard.health == "down" && serves_nothing(shard, desired.mode, observed.formed))
      shard.health = "degraded";
    status.shards.push_back(std::move(shard));
  }
  for (const auto& step : plan.steps) {
    if (cluster::for_the_record(step.action)) continue;  // done in no time, and nothing that a user waits for
    const std::string what = cluster::describe(step.action);
    status.doing.push_back(step.reason.empty() ? what : fmt::format("{}: {}", what, step.reason));
  }
  status.doing.insert(status.doing.end(), plan.waiting.begin(), plan.waiting.end());
  status.problems = plan.problems;
  status.state = state_of(status, desired.mode, observed, plan, slots.owned);
  return status;
}

std::string to_json(const ClusterStatus& status) {
  Json json;
  json["name"] = status.name;
  json["mode"] = status.mode;
  json["state"] = status.state;
  json["engine"] = status.engine;
  json["supervisor_pid"] = status.supervisor_pid;
  json["proxy"] = status.proxy ? proxy_json(*status.proxy) : Json(nullptr);
  json["shards"] = Json::array();
  for (const auto& shard : status.shards) json["shards"].push_back(shard_json(shard));
  json["doing"] = status.doing;
  json["problems"] = Json::array();
  for (const auto& problem : status.problems) {
    json["problems"].push_back({{"shard", problem.shard}, {"node", problem.node}, {"text", problem.text}});
  }
  // What servers and people wrote may be no UTF-8; a status that cannot be shown for that would help nobody.
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace keyway::reconcile
