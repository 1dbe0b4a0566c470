#include "cluster/desired.h"

#include "base/format.h"
#include "base/strings.h"

namespace keyway::cluster {

namespace {

DesiredShard desired_shard(const Spec& spec, const PartitionSpec& partition) {
  DesiredShard shard;
  shard.name = partition.name;
  for (int ordinal = 0; ordinal <= partition.replicas; ++ordinal)
    shard.nodes.push_back(node_name(partition.name, ordinal));
  shard.slots = partition.slots;
  shard.config = spec.config;
  if (partition.memory_bytes) shard.config["maxmemory"] = std::to_string(*partition.memory_bytes);
  if (spec.durability == Durability::kSafe) {
    for (const auto& [name, value] : safe_config()) shard.config[name] = value;
  }
  shard.config.merge(default_config(spec.mode));
  return shard;
}

}  // namespace

ServerConfig default_config(Mode mode) {
  ServerConfig config = {
      // The servers' own defaults are named where a spec may take back what it said without a restart.
      {"maxmemory", "0"},
      {"appendonly", "no"},
      {"appendfsync", "everysec"},
      {"min-replicas-to-write", "0"},
      {"min-replicas-max-lag", "10"},
      {"repl-diskless-sync", "yes"},
      {"repl-diskless-sync-delay", "0"},  // the servers' own 5 s are most of the wait for a replica
  };
  if (mode == Mode::kSharded) {
    config["cluster-node-timeout"] = "5000";
    config["cluster-allow-replica-migration"] = "no";  // a replica belongs to its shard
  }
  return config;
}

const ServerConfig& safe_config() {
  static const ServerConfig config = {
      {"appendonly", "yes"},
      {"appendfsync", "everysec"},
      {"min-replicas-to-write", "1"},
      {"min-replicas-max-lag", std::to_string(kSafeLagMs / 1000)},
  };
  return config;
}

bool persists(const ServerConfig& config) {
  auto is = [&config](const char* name, std::string_view value) {
    auto found = config.find(name);
    return found != config.end() && to_lower(trim(found->second)) == value;
  };
  return is("appendonly", "yes") || !(is("save", "") || is("save", "\"\""));
}

std::string node_name(std::string_view shard, int ordinal) { return fmt::format("{}-{}", shard, ordinal); }

Desired make_desired(const Spec& spec, std::string users_fingerprint) {
  Desired desired;
  desired.mode = spec.mode;
  desired.users_fingerprint = std::move(users_fingerprint);
  if (spec.durability == Durability::kSafe) desired.max_lag_ms = kSafeLagMs;
  for (const PartitionSpec& partition : spec.partitions)
    desired.shards.push_back(desired_shard(spec, partition));
  return desired;
}

}  // namespace keyway::cluster
