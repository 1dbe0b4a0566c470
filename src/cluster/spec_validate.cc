#include <algorithm>
#include <set>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/spec.h"
#include "cluster/spec_rules.h"
#include "cluster/suggest.h"

namespace keyway::cluster {

namespace {

using Problem = std::optional<SpecProblem>;

Problem problem_at(std::string_view field, const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return SpecProblem{std::string(field), *text};
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Problem engine_problem(const EngineSpec& engine) {
  if (!engine.path.empty() && (engine.path[0] != '/' || has_control_character(engine.path))) {
    return SpecProblem{"spec.engine.path",
                       fmt::format("\"{}\" is no absolute path; write the server program, or the folder "
                                   "that holds it, from / on",
                                   engine.path)};
  }
  if (has_control_character(engine.image) || engine.image.find(' ') != std::string::npos) {
    return SpecProblem{"spec.engine.image", "an image's name has no blanks; write it as registry/name:tag"};
  }
  return std::nullopt;
}

Problem counted_partition_problem(const Spec& spec) {
  const PartitionSpec& first = spec.partitions.front();
  if (auto problem = problem_at("spec.replicas", replicas_problem(first.replicas))) return problem;
  if (first.memory_bytes) {
    if (auto problem = problem_at("spec.memory", memory_problem(*first.memory_bytes))) return problem;
  }
  for (size_t i = 0; i < spec.partitions.size(); ++i) {
    const PartitionSpec& partition = spec.partitions[i];
    const bool alike = partition.replicas == first.replicas && partition.memory_bytes == first.memory_bytes &&
                       !partition.slots && partition.name == counted_partition_name(static_cast<int>(i));
    if (!alike) {
      return SpecProblem{
          "spec.shards",
          fmt::format("shard {} differs from the others, which a count cannot say; list the shards",
                      partition.name)};
    }
  }
  return std::nullopt;
}

Problem named_partition_problem(const Spec& spec) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < spec.partitions.size(); ++i) {
    const PartitionSpec& partition = spec.partitions[i];
    const std::string field = fmt::format("spec.shards[{}]", i);
    if (auto problem = problem_at(field + ".name", label_problem(partition.name))) return problem;
    if (!names.insert(partition.name).second) {
      return SpecProblem{
          field + ".name",
          fmt::format("\"{}\" is the name of another shard already; choose another one", partition.name)};
    }
    if (spec.name.size() + 1 + partition.name.size() > kMaxJointLength) {
      return SpecProblem{field + ".name",
                         fmt::format("\"{}-{}\" is longer than {} characters, in which Kubernetes names what "
                                     "belongs to a shard; shorten one of the two",
                                     spec.name, partition.name, kMaxJointLength)};
    }
    if (auto problem = problem_at(field + ".replicas", replicas_problem(partition.replicas))) return problem;
    if (partition.memory_bytes) {
      if (auto problem = problem_at(field + ".memory", memory_problem(*partition.memory_bytes)))
        return problem;
    }
  }
  return std::nullopt;
}

Problem partitions_problem(const Spec& spec) {
  const auto count = static_cast<int64_t>(spec.partitions.size());
  if (auto problem = problem_at("spec.shards", shard_count_problem(count))) return problem;
  if (spec.mode == Mode::kReplicated && count != 1) {
    return SpecProblem{
        "spec.shards",
        fmt::format("a replicated cluster has one shard, not {}; leave the field out, or use mode: "
                    "sharded",
                    count)};
  }
  if (auto problem = spec.partitions_named ? named_partition_problem(spec) : counted_partition_problem(spec))
    return problem;
  int64_t nodes = 0;
  for (const PartitionSpec& partition : spec.partitions) nodes += 1 + partition.replicas;
  if (nodes > kMaxNodes) {
    return SpecProblem{
        "spec.shards",
        fmt::format("{} servers in all are more than {}, for which the servers' gossip is made; "
                    "take fewer shards or replicas",
                    nodes, kMaxNodes)};
  }
  return slots_problem(spec);
}

std::optional<std::string> parameter_problem(const std::string& name, const std::string& value) {
  const auto known_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (name.empty() || name.size() > 64 || name[0] < 'a' ||
      !std::all_of(name.begin(), name.end(), known_character)) {
    return "this is no name of a server parameter; write it as redis.conf does, in lower case";
  }
  if (const auto reason = reserved_parameter(name)) return std::string(*reason);
  if (has_control_character(value))
    return "the value has a line break or another control character; write it on one line";
  return std::nullopt;
}

Problem config_problem(const Spec& spec) {
  for (const auto& [name, value] : spec.config) {
    if (auto problem = problem_at("spec.config." + name, parameter_problem(name, value))) return problem;
  }
  const auto limited =
      std::find_if(spec.partitions.begin(), spec.partitions.end(),
                   [](const PartitionSpec& partition) { return partition.memory_bytes.has_value(); });
  if (limited != spec.partitions.end() && spec.config.contains("maxmemory")) {
    return SpecProblem{"spec.config.maxmemory",
                       fmt::format("the memory of shard {} is also set by the field memory; keep one of them",
                                   limited->name)};
  }
  return std::nullopt;
}

Problem users_problem(const std::vector<UserSpec>& users) {
  if (users.size() > kMaxUsers) {
    return SpecProblem{"spec.users",
                       fmt::format("{} users are more than {}; take fewer", users.size(), kMaxUsers)};
  }
  std::set<std::string_view> names;
  for (size_t i = 0; i < users.size(); ++i) {
    const std::string field = fmt::format("spec.users[{}]", i);
    if (auto problem = problem_at(field + ".name", user_name_problem(users[i].name))) return problem;
    if (!names.insert(users[i].name).second) {
      return SpecProblem{field + ".name",
                         fmt::format("the user \"{}\" is listed already; keep one of them", users[i].name)};
    }
    if (auto problem = problem_at(field + ".rules", acl_rules_problem(users[i].rules))) return problem;
  }
  return std::nullopt;
}

Problem storage_problem(const StorageSpec& storage) {
  if (storage.size_bytes && *storage.size_bytes <= 0)
    return SpecProblem{"spec.storage.size", "no space at all; write a size such as 10Gi"};
  const auto known_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  if (storage.class_name.size() > 253 ||
      !std::all_of(storage.class_name.begin(), storage.class_name.end(), known_character)) {
    return SpecProblem{"spec.storage.className",
                       "this cannot be the name of a StorageClass; see `kubectl get storageclass`"};
  }
  return std::nullopt;
}

Problem durability_problem(const Spec& spec) {
  if (spec.durability == Durability::kFast) return std::nullopt;
  for (const PartitionSpec& partition : spec.partitions) {
    if (partition.replicas > 0) continue;
    return SpecProblem{
        "spec.durability",
        fmt::format("safe: {} has no replica that could acknowledge writes; give each shard one or "
                    "more (two, so that writes go on while one is away)",
                    partition.name)};
  }
  for (const auto& [name, value] : safe_config()) {
    if (!spec.config.contains(name)) continue;
    return SpecProblem{"spec.config." + name,
                       fmt::format("durability: safe sets it to {}; leave one of the two out", value)};
  }
  return std::nullopt;
}

Problem proxy_problem(const Spec& spec) {
  if (!spec.proxy) return std::nullopt;
  if (spec.proxy->port < 0 || spec.proxy->port > 65535) {
    return SpecProblem{"spec.proxy.port",
                       fmt::format("{} is no port from 1 to 65535; choose one of them", spec.proxy->port)};
  }
  if (!spec.proxy->user || spec.proxy->user->empty()) return std::nullopt;
  const bool known = std::any_of(spec.users.begin(), spec.users.end(), [&](const UserSpec& user) {
    return user.name == *spec.proxy->user && user.enabled;
  });
  if (known) return std::nullopt;
  return SpecProblem{"spec.proxy.user",
                     fmt::format("\"{}\" is no user of spec.users that is enabled; name one, or write \"\" "
                                 "so that clients have to log in",
                                 excerpt(*spec.proxy->user))};
}

Problem local_problem(const Spec& spec) {
  if (auto problem = problem_at("spec.local.host", host_problem(spec.host))) return problem;
  if (spec.port == 0) return std::nullopt;
  int nodes = 0;
  for (const PartitionSpec& partition : spec.partitions) nodes += 1 + partition.replicas;
  const int highest = 65535 - (spec.mode == Mode::kSharded ? kBusPortOffset : 0) - (nodes - 1);
  if (spec.port < 1 || spec.port > highest) {
    return SpecProblem{
        "spec.local.port",
        fmt::format("{} is no port from 1 to {}, which leaves room for {} and {}; choose a lower one, or "
                    "leave it out",
                    spec.port, highest, count_of(nodes, "server"),
                    spec.mode == Mode::kSharded ? "their cluster ports, 10000 above" : "no more")};
  }
  return std::nullopt;
}

}  // namespace

std::optional<SpecProblem> find_problem(const Spec& spec) {
  if (auto problem = problem_at("metadata.name", label_problem(spec.name))) return problem;
  if (auto problem = engine_problem(spec.engine)) return problem;
  if (auto problem = partitions_problem(spec)) return problem;
  if (auto problem = storage_problem(spec.storage)) return problem;
  if (auto problem = config_problem(spec)) return problem;
  if (auto problem = durability_problem(spec)) return problem;
  if (auto problem = users_problem(spec.users)) return problem;
  if (auto problem = proxy_problem(spec)) return problem;
  return local_problem(spec);
}

Status validate(const Spec& spec) {
  const auto problem = find_problem(spec);
  if (!problem) return {};
  return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}", problem->field, problem->text));
}

}  // namespace keyway::cluster
