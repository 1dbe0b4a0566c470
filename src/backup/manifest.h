// What a backup says of itself: manifest.json, written last, without which there is no backup. Format 1 is
// told in docs/internals/backup.md. Values; any thread.
//
// Objects of a backup, below the URL of the store:
//   CLUSTER/ID/manifest.json
//   CLUSTER/ID/SHARD.rdb.zst       or SHARD.rdb.zst.enc if it is encrypted
//   CLUSTER/ID/verified.json       once it was tried
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/packing.h"
#include "base/error.h"
#include "cluster/slots.h"
#include "cluster/spec.h"

namespace keyway::backup {

inline constexpr int kManifestFormat = 1;
inline constexpr size_t kMaxManifestBytes = size_t{4} << 20;
inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::string_view kVerifiedName = "verified.json";

struct BackedUpShard {
  std::string name;
  std::string object;         // within the backup: "p1.rdb.zst"
  cluster::SlotRanges slots;  // empty in replicated mode
  PackedSums sums;
  std::string replication_id;  // of the history that the data is of; 40 hexadecimal digits, empty if unknown
  int64_t offset = -1;         // up to where; -1: unknown
  int64_t keys = -1;           // in the data; -1: unknown
  cluster::EngineKind engine = cluster::EngineKind::kRedis;
  std::string server_version;  // "7.0.15"
  std::string node;            // the name of the server that it was taken from
  std::string address;         // and where that was
  bool from_replica = false;

  bool operator==(const BackedUpShard&) const = default;
};

struct Manifest {
  std::string cluster;
  std::string id;  // "20261122T221400Z", "20261122T221400Z-2"
  cluster::Mode mode = cluster::Mode::kSharded;
  std::string
      spec;  // as YAML, which cluster::parse_spec reads; empty: of a cluster that Keyway does not keep
  std::vector<cluster::UserSpec> users;  // without passwords
  std::vector<BackedUpShard> shards;     // by name
  int64_t begun_ms = 0;                  // Unix time
  int64_t ended_ms = 0;
  std::string tool_version;
  bool encrypted = false;

  bool operator==(const Manifest&) const = default;
};

std::string to_json(const Manifest& manifest);

// Strict: kCorrupt, with `source` and what is wrong, for anything that to_json does not write, unknown fields
// aside; kUnsupported: a newer Keyway has written it. In a sharded cluster that was read, every slot is in
// one shard.
Result<Manifest> parse_manifest(std::string_view text, std::string_view source);

// Of a try to restore it.
struct Verification {
  int64_t at_ms = 0;  // Unix time
  bool good = false;
  std::string text;  // what was found
  int64_t keys = 0;  // that were loaded
  std::string tool_version;

  bool operator==(const Verification&) const = default;
};

std::string to_json(const Verification& verification);
Result<Verification> parse_verification(std::string_view text, std::string_view source);

// An id of a backup: the time of its begin in UTC, perhaps with a number behind it.
std::string backup_id(int64_t unix_ms, int number = 1);
bool is_backup_id(std::string_view text);
// Unix milliseconds; nothing if it is no id.
std::optional<int64_t> time_of_id(std::string_view id);

// "p1.rdb.zst", "p1.rdb.zst.enc".
std::string object_of_shard(std::string_view shard, bool encrypted);

}  // namespace keyway::backup
