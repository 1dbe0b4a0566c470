// What a person asks for: the KeywayCluster document (apiVersion keyway.dev/v1alpha1) as a value. The same
// document drives the local supervisor and the Kubernetes operator. Fields and their rules are told to users
// in docs/spec.md and in the JSON schema beside it (deploy/schema/keywaycluster.json). Values; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cluster/slots.h"

namespace keyway::cluster {

enum class Mode { kSharded, kReplicated };
std::string_view to_string(Mode mode);

enum class EngineKind { kRedis, kValkey };
std::string_view to_string(EngineKind kind);

struct EngineSpec {
  EngineKind kind = EngineKind::kRedis;
  std::string
      path;  // local only: the server program, or a folder that holds it; empty: found by name in PATH
  std::string image;  // Kubernetes only

  bool operator==(const EngineSpec&) const = default;
};

// Server configuration: a parameter's name (lower case) to its value as CONFIG SET takes it, without quotes.
using ServerConfig = std::map<std::string, std::string>;

// What a cluster gives for not losing writes that were acknowledged.
enum class Durability {
  kFast,  // the servers' own way
  kSafe,  // see safe_config(), and only a replica that kept up takes over
};
std::string_view to_string(Durability durability);

struct PartitionSpec {
  std::string name;                     // "p1"; a DNS label
  int replicas = 1;                     // beside the primary
  std::optional<int64_t> memory_bytes;  // maxmemory; none: no limit
  std::optional<SlotRanges> slots;      // sharded, explicit; none: Keyway balances

  bool operator==(const PartitionSpec&) const = default;
};

struct UserSpec {
  std::string name;
  std::string rules;  // ACL rules without on/off and passwords: "+@all -@dangerous +info ~*"
  bool enabled = true;

  bool operator==(const UserSpec&) const = default;
};

struct StorageSpec {
  std::optional<int64_t> size_bytes;
  std::string class_name;            // Kubernetes only
  bool delete_with_cluster = false;  // onDelete: Delete

  bool operator==(const StorageSpec&) const = default;
};

// A proxy beside the cluster: all of it behind one plain address.
struct ProxySpec {
  int port = 0;  // 0: Keyway chooses
  // As whom clients act that do not log in: a user of the spec; "": as nobody. None: see proxy_user().
  std::optional<std::string> user;

  bool operator==(const ProxySpec&) const = default;
};

struct Spec {
  std::string name;
  Mode mode = Mode::kSharded;  // immutable
  EngineSpec engine;
  bool partitions_named = false;          // partitions were listed, not counted
  std::vector<PartitionSpec> partitions;  // in order; replicated mode has exactly one
  StorageSpec storage;
  Durability durability = Durability::kFast;
  ServerConfig config;
  std::vector<UserSpec> users;     // beside the admin, which always exists
  std::optional<ProxySpec> proxy;  // none: there is no proxy
  std::string host = "127.0.0.1";  // local only (spec.local.host): the address that servers listen on
  int port = 0;                    // local only (spec.local.port): the first port; 0: Keyway chooses

  bool operator==(const Spec&) const = default;
};

// Names of partitions made by a count: p1, p2, ….
std::string counted_partition_name(int index);

// A spec with defaults: `shards` partitions (replicated mode: one) with `replicas` each, and the user
// `workload`.
Spec default_spec(std::string name, Mode mode, int shards, int replicas);

// As whom clients of the spec's proxy act that do not log in; empty: as nobody. If the spec does not say, it
// is its first user where only this machine reaches the proxy, as servers trust their own machine too.
std::string proxy_user(const Spec& spec);

// Reads one YAML (or JSON) document. `source` names it in errors, which read "SOURCE:LINE:COLUMN: FIELD: what
// is wrong; what to do". Unknown fields, wrong types, contradictions, overlapping or incomplete explicit
// slots and names that are no DNS labels are errors; the first one found is returned.
Result<Spec> parse_spec(std::string_view text, std::string_view source);

// The document that parse_spec reads back as an equal spec.
std::string to_yaml(const Spec& spec);

// The rules that hold between fields, for specs made by flags. parse_spec has applied them already.
Status validate(const Spec& spec);

// What `durability: safe` has the servers run with: their data on disk each second, and no writes unless a
// replica has acknowledged within kSafeLagMs.
const ServerConfig& safe_config();
inline constexpr int64_t kSafeLagMs = 5000;

// Whether a running cluster may go from one to the other: mode, name and (local) host are immutable, among
// others.
Status validate_change(const Spec& from, const Spec& to);

// "64Mi", "1.5Gi", "100mb", "1024" as bytes: the suffixes of Kubernetes quantities and of redis.conf. Parts
// of a byte are rounded up. A lone "m" is refused: it is a thousandth to one and a million to the other.
std::optional<int64_t> parse_size(std::string_view text);

// Parameters that Keyway itself sets and a spec may not ("port", "dir", "cluster-enabled", …): the reason, or
// nothing.
std::optional<std::string_view> reserved_parameter(std::string_view name);

// Parameters that a running server cannot change (aclfile, databases, io-threads, …); a change needs a
// restart.
bool needs_restart(std::string_view parameter);

}  // namespace keyway::cluster
