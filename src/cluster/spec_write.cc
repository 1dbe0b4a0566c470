#include <array>

#include "base/format.h"
#include "cluster/spec.h"
#include "cluster/yaml_tree.h"

namespace keyway::cluster {

namespace {

// A name that begins with a letter and has no signs to YAML: as it is, unless YAML would see something else
// in it.
std::string name_text(const std::string& name) {
  for (std::string_view word : {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}) {
    if (name == word) return yaml_quoted(name);
  }
  return name;
}

// The largest unit that leaves nothing over.
std::string size_text(int64_t size_bytes) {
  constexpr std::array kUnits = {"", "Ki", "Mi", "Gi", "Ti", "Pi"};
  size_t unit = 0;
  while (unit + 1 < kUnits.size() && size_bytes != 0 && size_bytes % 1024 == 0) {
    size_bytes /= 1024;
    ++unit;
  }
  return std::to_string(size_bytes) + kUnits[unit];
}

std::string engine_text(const EngineSpec& engine) {
  std::string kind(to_string(engine.kind));
  if (engine.path.empty() && engine.image.empty()) return kind;
  std::string text = "{kind: " + kind;
  if (!engine.path.empty()) text += ", path: " + yaml_quoted(engine.path);
  if (!engine.image.empty()) text += ", image: " + yaml_quoted(engine.image);
  return text + '}';
}

std::string slots_text(const SlotRanges& slots) {
  std::string text = "[";
  for (const SlotRange& range : slots) {
    if (text.size() > 1) text += ", ";
    text += yaml_quoted(to_string(SlotRanges{range}));
  }
  return text + ']';
}

void write_partitions(const Spec& spec, std::string& out) {
  if (spec.partitions_named) {
    out += "  namedShards:\n";
    for (const PartitionSpec& partition : spec.partitions) {
      out +=
          fmt::format("    - name: {}\n      replicas: {}\n", name_text(partition.name), partition.replicas);
      if (partition.memory_bytes)
        out += fmt::format("      memory: {}\n", size_text(*partition.memory_bytes));
      if (partition.slots) out += fmt::format("      slots: {}\n", slots_text(*partition.slots));
    }
    return;
  }
  if (spec.mode == Mode::kSharded) out += fmt::format("  shards: {}\n", spec.partitions.size());
  const PartitionSpec& each = spec.partitions.front();
  out += fmt::format("  replicas: {}\n", each.replicas);
  if (each.memory_bytes) out += fmt::format("  memory: {}\n", size_text(*each.memory_bytes));
}

void write_storage(const StorageSpec& storage, std::string& out) {
  if (storage == StorageSpec{}) return;
  out += "  storage:\n";
  if (storage.size_bytes) out += fmt::format("    size: {}\n", size_text(*storage.size_bytes));
  if (!storage.class_name.empty()) out += fmt::format("    className: {}\n", yaml_quoted(storage.class_name));
  out += fmt::format("    onDelete: {}\n", storage.delete_with_cluster ? "Delete" : "Retain");
}

void write_config(const ServerConfig& config, std::string& out) {
  if (config.empty()) return;
  out += "  config:\n";
  for (const auto& [name, value] : config)
    out += fmt::format("    {}: {}\n", name_text(name), yaml_quoted(value));
}

void write_users(const std::vector<UserSpec>& users, std::string& out) {
  out += users.empty() ? "  users: []\n" : "  users:\n";
  for (const UserSpec& user : users) {
    out += fmt::format("    - name: {}\n      rules: {}\n", yaml_quoted(user.name), yaml_quoted(user.rules));
    if (!user.enabled) out += "      enabled: false\n";
  }
}

void write_proxy(const std::optional<ProxySpec>& proxy, std::string& out) {
  if (!proxy) return;
  std::string fields;
  if (proxy->port != 0) fields += fmt::format("port: {}", proxy->port);
  if (proxy->user) fields += fmt::format("{}user: {}", fields.empty() ? "" : ", ", yaml_quoted(*proxy->user));
  out += fmt::format("  proxy: {{{}}}\n", fields);
}

void write_local(const Spec& spec, std::string& out) {
  if (spec.host == Spec{}.host && spec.port == 0) return;
  out += fmt::format("  local:\n    host: {}\n", yaml_quoted(spec.host));
  if (spec.port != 0) out += fmt::format("    port: {}\n", spec.port);
}

}  // namespace

std::string to_yaml(const Spec& spec) {
  std::string out = fmt::format(
      "apiVersion: keyway.dev/v1alpha1\n"
      "kind: KeywayCluster\n"
      "metadata:\n"
      "  name: {}\n"
      "spec:\n"
      "  mode: {}\n"
      "  engine: {}\n",
      name_text(spec.name), to_string(spec.mode), engine_text(spec.engine));
  write_partitions(spec, out);
  write_storage(spec.storage, out);
  if (spec.durability != Spec{}.durability)
    out += fmt::format("  durability: {}\n", to_string(spec.durability));
  write_config(spec.config, out);
  write_users(spec.users, out);
  write_proxy(spec.proxy, out);
  write_local(spec, out);
  return out;
}

}  // namespace keyway::cluster
