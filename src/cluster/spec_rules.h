// The rules that a spec must keep, apart from how it was written: used by validate() for specs made by flags
// and by parse_spec(), which adds the place in the document. Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cluster/spec.h"

namespace keyway::cluster {

inline constexpr int kDefaultShards = 3;
inline constexpr int kMaxShards = 1000;
inline constexpr int kMaxReplicas = 5;
inline constexpr int kMaxNodes = 1000;
inline constexpr int kMaxUsers = 256;
inline constexpr size_t kMaxNameLength = 40;
inline constexpr size_t kMaxJointLength =
    52;  // CLUSTER-SHARD: a StatefulSet's name, so that its pods' labels fit in 63
inline constexpr int64_t kMinMemoryBytes = 8 << 20;
inline constexpr int kBusPortOffset = 10000;

struct SpecProblem {
  std::string field;  // "spec.shards[1].slots"
  std::string text;   // what is wrong; what to do
};

// The first broken rule, in the order of the document.
std::optional<SpecProblem> find_problem(const Spec& spec);

// Each says what is wrong with one value, or nothing.
std::optional<std::string> label_problem(std::string_view name);
std::optional<std::string> shard_count_problem(int64_t count);
std::optional<std::string> replicas_problem(int64_t replicas);
std::optional<std::string> memory_problem(int64_t memory_bytes);
std::optional<std::string> acl_rules_problem(std::string_view rules);
std::optional<std::string> user_name_problem(std::string_view name);
std::optional<std::string> host_problem(const std::string& host);

// Together the explicit slots of all partitions must be every slot once.
std::optional<SpecProblem> slots_problem(const Spec& spec);

}  // namespace keyway::cluster
