#include "cli/gen_words.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/strings.h"
#include "cli/key_values.h"
#include "cluster/spec_rules.h"
#include "cluster/suggest.h"
#include "platform/kubernetes/memory_share.h"

namespace keyway::cli {

namespace {

namespace kubernetes = platform::kubernetes;
using kubernetes::Surroundings;

// What objects are called and labelled that somebody's own kustomization gives their names.
constexpr std::string_view kUnnamedCluster = "redis";
constexpr int kMaxProxies = 100;

// A template by each of its names.
struct Template {
  std::string_view name;
  std::string_view file;
};
constexpr std::array kTemplates = {
    Template{"single-partition", "single-partition.yaml"},
    Template{"cluster-partition", "cluster-partition.yaml"},
    Template{"proxy", "envoy.yaml"},
    Template{"kustomization", "kustomization.yaml"},
};

std::string_view template_named(std::string_view word) {
  for (const Template& known : kTemplates) {
    if (word == known.name || word == known.file) return known.name;
  }
  return word == "envoy" ? "proxy" : "";
}

const std::vector<std::string_view> kCommonKeys = {"name", "namespace", "keywayImage", "kubernetes"};
const std::vector<std::string_view> kServerKeys = {"engine", "image",   "replicas",        "memory",
                                                   "cpu",    "storage", "storageClassName"};

std::vector<std::string_view> keys_of(std::string_view kind) {
  std::vector<std::string_view> keys = kCommonKeys;
  const auto add = [&keys](const std::vector<std::string_view>& more) {
    keys.insert(keys.end(), more.begin(), more.end());
  };
  if (kind == "proxy") {
    add({"replicas", "port", "user", "memory", "cpu"});
    return keys;
  }
  add(kServerKeys);
  if (kind == "kustomization") {
    add({"mode", "partitions", "shards", "proxy", "user", "force", "newPasswords"});
  } else {
    add({"partition", "objects"});
    if (kind == "cluster-partition") add({"partitions"});
  }
  return keys;
}

void check_label(KeyValues& values, std::string_view key, std::string_view label) {
  if (auto problem = cluster::label_problem(label)) values.refuse(key, *problem);
}

std::string read_namespace(KeyValues& values) {
  std::string name = values.text("namespace");
  if (values.has("namespace") && !kubernetes::is_namespace(name))
    values.refuse("namespace", kubernetes::kNamespaceRule);
  return name;
}

// What came with which version differs.
std::string read_policy_version(KeyValues& values) {
  const std::string text = values.has("kubernetes") ? values.text("kubernetes") : std::string("1.30");
  const std::optional<int> minor = kubernetes::parse_minor(text);
  if (!minor)
    values.refuse("kubernetes",
                  fmt::format("\"{}\" is no version from 1.20 on; write it like kubernetes=1.30",
                              cluster::excerpt(text)));
  return kubernetes::policy_version_of(minor.value_or(0));
}

Surroundings read_surroundings(KeyValues& values) {
  Surroundings around;
  if (values.has("keywayImage"))
    around.keyway_image = values.required("keywayImage", "registry.example/keyway:1");
  around.policy_version = read_policy_version(values);
  around.naming.name_space = read_namespace(values);
  const std::string name = values.text("name");
  if (values.has("name")) check_label(values, "name", name);
  around.naming.cluster = name.empty() ? std::string(kUnnamedCluster) : name;
  around.naming.suffix = name;
  if (!name.empty()) around.naming.final_suffix = name;
  return around;
}

std::vector<std::string> read_partitions(KeyValues& values, std::string_view key) {
  const std::string text = values.text(key);
  std::vector<std::string> names;
  for (std::string_view name : split(text, ',')) {
    check_label(values, key, name);
    if (std::ranges::find(names, name) != names.end())
      values.refuse(key, fmt::format("{} is in it twice; leave one of them out", name));
    names.emplace_back(name);
  }
  return names;
}

cluster::ServerConfig read_config(KeyValues& values) {
  cluster::ServerConfig config;
  for (const auto& [name, value] : values.with_prefix("config.")) {
    const std::string parameter = to_lower(name);
    if (auto reason = cluster::reserved_parameter(parameter))
      values.refuse("config." + name, fmt::format("is set by Keyway itself: {}", *reason));
    if (parameter == "maxmemory")
      values.refuse("config." + name, "follows from memory; give memory=64Gi instead");
    config[parameter] = value;
  }
  return config;
}

// The servers' part of the keys, for shards of these names.
cluster::Spec read_spec(KeyValues& values, cluster::Mode mode, const std::vector<std::string>& partitions) {
  const int replicas = values.number("replicas", 1, 0, cluster::kMaxReplicas);
  cluster::Spec spec = cluster::default_spec("gen", mode, static_cast<int>(partitions.size()), replicas);
  const std::optional<int64_t> limit = values.quantity("memory");
  if (limit) {
    if (auto problem = cluster::memory_problem(kubernetes::max_memory_within(*limit)))
      values.refuse("memory",
                    "leaves the data too little beside what else needs memory; write memory=64Mi or more");
  }
  // A replicated server has one, however many are asked for.
  for (size_t i = 0; i < spec.partitions.size(); ++i) {
    spec.partitions[i].name = partitions[i];
    if (limit) spec.partitions[i].memory_bytes = kubernetes::max_memory_within(*limit);
  }
  spec.engine.kind = values.choice("engine", {"redis", "valkey"}) == "redis" ? cluster::EngineKind::kRedis
                                                                             : cluster::EngineKind::kValkey;
  spec.engine.image = values.text("image");
  spec.storage.size_bytes = values.quantity("storage");
  spec.storage.class_name = values.text("storageClassName");
  spec.config = read_config(values);
  return spec;
}

Result<kubernetes::WholeCluster> finish(KeyValues& values, const cluster::Spec& spec,
                                        const Surroundings& around) {
  const std::optional<int64_t> limit = values.quantity("memory");
  const std::optional<int64_t> cpu_milli = values.milli_quantity("cpu");
  if (Status status = values.status(); !status) return fail(status.error());
  Result<kubernetes::WholeCluster> whole = kubernetes::spell_out(spec, around);
  if (!whole) return whole;
  for (kubernetes::ShardObjects& shard : whole->shards) {
    shard.memory_limit_bytes = limit;  // as it was given, where spell_out() goes by whole MiB
    if (cpu_milli) shard.cpu_request_milli = *cpu_milli;
  }
  return whole;
}

Result<GenCommand> read_partition(KeyValues& values, cluster::Mode mode) {
  GenCommand command;
  const std::string partition =
      values.required("partition", mode == cluster::Mode::kSharded ? "p1" : "index");
  if (!partition.empty()) check_label(values, "partition", partition);
  const std::string objects = values.choice("objects", {"all", "partition", "shared"});
  if (objects == "partition") command.what = GenCommand::What::kPartition;
  if (objects == "shared") command.what = GenCommand::What::kShared;
  Surroundings around = read_surroundings(values);
  std::vector<std::string> all;
  if (values.has("partitions")) all = read_partitions(values, "partitions");
  if (!all.empty() && std::ranges::find(all, partition) == all.end())
    values.refuse("partitions", fmt::format("{} is not among them; add it", partition));
  // Of a sharded cluster this is one shard of several.
  around.tell_partitions = mode == cluster::Mode::kReplicated;
  Result<kubernetes::WholeCluster> whole = finish(values, read_spec(values, mode, {partition}), around);
  if (!whole) return fail(whole.error());
  command.whole = std::move(*whole);
  if (!all.empty()) command.whole.cluster.partitions = all;
  return command;
}

Result<GenCommand> read_proxy(KeyValues& values) {
  GenCommand command;
  command.what = GenCommand::What::kProxy;
  values.required("name", "app");
  const Surroundings around = read_surroundings(values);
  kubernetes::ProxyObjects proxy;
  proxy.replicas = values.number("replicas", proxy.replicas, 1, kMaxProxies);
  proxy.port = values.number("port", proxy.port, 1, 65535);
  proxy.user = values.text("user");
  proxy.memory_limit_bytes = values.quantity("memory").value_or(proxy.memory_limit_bytes);
  proxy.cpu_request_milli = values.milli_quantity("cpu").value_or(proxy.cpu_request_milli);
  if (Status status = values.status(); !status) return fail(status.error());
  Result<kubernetes::WholeCluster> whole =
      kubernetes::spell_out(cluster::default_spec("gen", cluster::Mode::kSharded, 1, 1), around);
  if (!whole) return fail(whole.error());
  command.whole = std::move(*whole);
  command.whole.proxy = proxy;
  return command;
}

std::vector<std::string> partitions_of_folder(KeyValues& values, bool single) {
  if (values.has("partitions") && values.has("shards"))
    values.refuse("shards", "and partitions say the same; give one of them");
  std::vector<std::string> names;
  if (values.has("partitions")) {
    names = read_partitions(values, "partitions");
  } else {
    const int shards = single ? 1 : cluster::kDefaultShards;
    const int count = values.number("shards", shards, 1, cluster::kMaxShards);
    for (int i = 0; i < count; ++i) names.push_back(cluster::counted_partition_name(i));
  }
  if (single && names.size() != 1)
    values.refuse(values.has("shards") ? "shards" : "partitions", "is one with mode=single");
  return names;
}

Result<GenCommand> read_folder(KeyValues& values, const std::vector<std::string>& folders) {
  GenCommand command;
  command.what = GenCommand::What::kFolder;
  values.required("mode", "cluster");
  const std::string mode = values.choice("mode", {"cluster", "single", "sharded", "replicated"});
  const bool single = mode == "single" || mode == "replicated";
  values.required("name", "app");
  values.required("namespace", "data");
  Surroundings around = read_surroundings(values);
  around.naming.suffix.clear();
  cluster::Spec spec = read_spec(values, single ? cluster::Mode::kReplicated : cluster::Mode::kSharded,
                                 partitions_of_folder(values, single));
  if (values.yes("proxy")) {
    spec.proxy.emplace();
    if (values.has("user")) spec.proxy->user = values.text("user");
    if (single) values.refuse("proxy", "goes with mode=cluster; a single server's clients use its Services");
  } else if (values.has("user")) {
    values.refuse("user", "is that of the proxy; add proxy=yes");
  }
  command.overwrite = values.yes("force");
  command.new_passwords = values.yes("newPasswords");
  if (values.status() && folders.size() != 1) {
    return fail(ErrorCode::kInvalidArgument,
                "kustomization: needs one folder to write to; `keyway gen --help` shows how");
  }
  Result<kubernetes::WholeCluster> whole = finish(values, spec, around);
  if (!whole) return fail(whole.error());
  command.whole = std::move(*whole);
  command.folder = folders.front();
  return command;
}

}  // namespace

Result<GenCommand> read_gen_words(const std::vector<std::string>& words) {
  std::vector<std::string_view> names;
  for (const Template& known : kTemplates) names.push_back(known.name);
  if (words.empty() || template_named(words.front()).empty()) {
    return fail(ErrorCode::kInvalidArgument,
                words.empty()
                    ? fmt::format("keyway gen needs to know what to make; {}", cluster::suggest("", names))
                    : fmt::format("{}: keyway gen makes no such thing; {}", cluster::excerpt(words.front()),
                                  cluster::suggest(words.front(), names)));
  }
  const std::string_view kind = template_named(words.front());
  std::vector<std::string> given;
  std::vector<std::string> folders;
  for (size_t i = 1; i < words.size(); ++i) {
    const bool folder = kind == "kustomization" && words[i].find('=') == std::string::npos;
    (folder ? folders : given).push_back(words[i]);
  }
  std::vector<std::string_view> prefixes;
  if (kind != "proxy") prefixes.emplace_back("config.");
  KeyValues values(given, kind, keys_of(kind), prefixes);
  if (Status status = values.status(); !status) return fail(status.error());
  if (kind == "proxy") return read_proxy(values);
  if (kind == "kustomization") return read_folder(values, folders);
  return read_partition(values,
                        kind == "single-partition" ? cluster::Mode::kReplicated : cluster::Mode::kSharded);
}

}  // namespace keyway::cli
