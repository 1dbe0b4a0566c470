// For tests: manifests that hold something in every field.
#pragma once

#include <string>

#include "backup/manifest.h"

namespace keyway::backup {

// Two shards of 8192 slots each: p1, p2.
inline Manifest sharded_manifest() {
  Manifest manifest;
  manifest.cluster = "shop";
  manifest.id = "20261122T221400Z";
  manifest.spec = cluster::to_yaml(cluster::default_spec("shop", cluster::Mode::kSharded, 2, 1));
  manifest.users = {{"workload", "+@all ~*", true}, {"gone", "-@all", false}};
  manifest.begun_ms = 1'795'385'640'123;
  manifest.ended_ms = 1'795'385'641'456;
  manifest.tool_version = "0.1.0";
  for (int i = 0; i < 2; ++i) {
    BackedUpShard shard;
    shard.name = "p" + std::to_string(i + 1);
    shard.object = object_of_shard(shard.name, false);
    shard.slots = {cluster::even_range(i, 2)};
    shard.sums = {1000 + i, 500, std::string(64, 'a'), std::string(64, 'b')};
    shard.replication_id = std::string(40, 'c');
    shard.offset = 77;
    shard.keys = 10;
    shard.server_version = "7.0.15";
    shard.node = shard.name + "-1";
    shard.address = "127.0.0.1:7001";
    shard.from_replica = i == 0;
    manifest.shards.push_back(shard);
  }
  return manifest;
}

inline Manifest replicated_manifest() {
  Manifest manifest = sharded_manifest();
  manifest.mode = cluster::Mode::kReplicated;
  manifest.spec.clear();
  manifest.users.clear();
  manifest.encrypted = true;
  manifest.shards.resize(1);
  BackedUpShard& shard = manifest.shards.front();
  shard.object = object_of_shard(shard.name, true);
  shard.slots.clear();
  shard.engine = cluster::EngineKind::kValkey;
  shard.replication_id.clear();
  shard.offset = shard.keys = -1;
  return manifest;
}

}  // namespace keyway::backup
