#include "cluster/desired.h"

#include "base/format.h"

namespace keyway::cluster {

namespace {

// What servers run with unless the spec says otherwise.
ServerConfig default_config(Mode mode) {
  ServerConfig config = {
      {"maxmemory", "0"},  // named, so that a limit can be taken away again without a restart
      {"repl-diskless-sync", "yes"},
      {"repl-diskless-sync-delay", "0"},  // the servers' own 5 s are most of the wait for a replica
  };
  if (mode == Mode::kSharded) {
    config["cluster-node-timeout"] = "5000";
    config["cluster-allow-replica-migration"] = "no";  // a replica belongs to its shard
  }
  return config;
}

DesiredShard desired_shard(const Spec& spec, const PartitionSpec& partition) {
  DesiredShard shard;
  shard.name = partition.name;
  for (int ordinal = 0; ordinal <= partition.replicas; ++ordinal)
    shard.nodes.push_back(node_name(partition.name, ordinal));
  shard.slots = partition.slots;
  shard.config = spec.config;
  if (partition.memory_bytes) shard.config["maxmemory"] = std::to_string(*partition.memory_bytes);
  shard.config.merge(default_config(spec.mode));
  return shard;
}

}  // namespace

std::string node_name(std::string_view shard, int ordinal) { return fmt::format("{}-{}", shard, ordinal); }

Desired make_desired(const Spec& spec, std::string users_fingerprint) {
  Desired desired;
  desired.mode = spec.mode;
  desired.users_fingerprint = std::move(users_fingerprint);
  for (const PartitionSpec& partition : spec.partitions)
    desired.shards.push_back(desired_shard(spec, partition));
  return desired;
}

}  // namespace keyway::cluster
