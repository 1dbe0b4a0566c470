#include "cli/spec_source.h"

#include <filesystem>

#include "base/format.h"
#include "cli/document.h"

namespace keyway::cli {

namespace {

constexpr int kDefaultShards = 3;
constexpr int kDefaultReplicas = 1;

Status set_size(cluster::Spec& spec, const SpecFlags& flags) {
  if (flags.shards && spec.mode == cluster::Mode::kReplicated) {
    if (*flags.shards == 1) return {};
    return fail(ErrorCode::kInvalidArgument,
                "--shards: a replicated server has one shard; leave --shards out, or use --replicas");
  }
  if (flags.shards && spec.partitions_named && *flags.shards != static_cast<int>(spec.partitions.size())) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--shards: the spec of \"{}\" lists its shards by name; add or remove one in the "
                            "document (`keyway spec {}`) and "
                            "use `keyway apply {} -f FILE`",
                            spec.name, spec.name, spec.name));
  }
  if (flags.shards && !spec.partitions_named) {
    cluster::PartitionSpec pattern =
        spec.partitions.empty() ? cluster::PartitionSpec{} : spec.partitions.front();
    pattern.slots.reset();
    spec.partitions.clear();
    for (int i = 0; i < *flags.shards; ++i) {
      pattern.name = cluster::counted_partition_name(i);
      spec.partitions.push_back(pattern);
    }
  }
  for (cluster::PartitionSpec& partition : spec.partitions) {
    if (flags.replicas) partition.replicas = *flags.replicas;
    if (flags.memory_bytes) partition.memory_bytes = flags.memory_bytes;
  }
  return {};
}

Status set_flags(cluster::Spec& spec, const SpecFlags& flags) {
  if (flags.mode && *flags.mode != spec.mode) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("--mode: \"{}\" is {}, and a cluster's mode cannot be changed; make another cluster",
                    spec.name, cluster::to_string(spec.mode)));
  }
  if (flags.engine) spec.engine = engine_named(*flags.engine, spec.engine);
  if (flags.port) spec.port = *flags.port;
  if (flags.no_proxy) spec.proxy.reset();
  if (flags.proxy_port && !spec.proxy) spec.proxy.emplace();
  if (flags.proxy_port.value_or(0) != 0) spec.proxy->port = *flags.proxy_port;
  if (Status set = set_size(spec, flags); !set) return set;
  return cluster::validate(spec);
}

}  // namespace

cluster::EngineSpec engine_named(const std::string& engine, cluster::EngineSpec spec) {
  if (engine == "redis" || engine == "valkey") {
    spec.kind = engine == "valkey" ? cluster::EngineKind::kValkey : cluster::EngineKind::kRedis;
    spec.path.clear();
    return spec;
  }
  std::filesystem::path path = std::filesystem::absolute(engine).lexically_normal();
  std::string name = path.filename().string();
  bool folder = std::filesystem::is_directory(path);
  bool valkey =
      folder ? std::filesystem::exists(path / "valkey-server") : name.find("valkey") != std::string::npos;
  spec.kind = valkey ? cluster::EngineKind::kValkey : cluster::EngineKind::kRedis;
  spec.path = path.string();
  return spec;
}

Result<std::optional<cluster::Spec>> read_spec_file(const std::string& file) {
  if (file.empty()) return std::optional<cluster::Spec>{};
  Result<std::string> text = read_document("-f", file);
  if (!text) return fail(text.error());
  Result<cluster::Spec> spec = cluster::parse_spec(*text, file == "-" ? "standard input" : file);
  if (!spec) return fail(spec.error());
  return std::optional<cluster::Spec>(std::move(*spec));
}

Result<cluster::Spec> new_spec(const std::string& name, const std::optional<cluster::Spec>& document,
                               const SpecFlags& flags) {
  cluster::Spec spec;
  if (document) {
    spec = *document;
  } else {
    cluster::Mode mode = flags.mode.value_or(cluster::Mode::kSharded);
    spec = cluster::default_spec(name.empty() ? "default" : name, mode, kDefaultShards, kDefaultReplicas);
  }
  if (!name.empty() && name != spec.name) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("-f: metadata.name is \"{}\", but the command names \"{}\"; leave one of them out",
                    spec.name, name));
  }
  if (Status set = set_flags(spec, flags); !set) return fail(set.error());
  return spec;
}

namespace {

// The same rules as of a document, said of the flags that were given.
Status check_fixed_flags(const cluster::Spec& current, const cluster::Spec& wanted, const SpecFlags& flags) {
  std::string_view flag;
  if (flags.port && wanted.port != current.port) flag = "--port";
  if (flags.engine && wanted.engine.kind != current.engine.kind) flag = "--engine";
  if (flag.empty()) return {};
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format(
          "{}: cluster \"{}\" exists, and its {} cannot be changed; leave {} out, or make another cluster",
          flag, current.name, flag == "--port" ? "ports" : "kind of engine", flag));
}

}  // namespace

Result<cluster::Spec> changed_spec(const cluster::Spec& current, const std::optional<cluster::Spec>& document,
                                   const SpecFlags& flags) {
  cluster::Spec spec = document.value_or(current);
  if (spec.port == 0) spec.port = current.port;
  if (Status set = set_flags(spec, flags); !set) return fail(set.error());
  if (Status fixed = check_fixed_flags(current, spec, flags); !fixed) return fail(fixed.error());
  if (Status valid = cluster::validate_change(current, spec); !valid) return fail(valid.error());
  return spec;
}

}  // namespace keyway::cli
