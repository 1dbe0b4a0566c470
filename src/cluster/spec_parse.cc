#include "base/format.h"
#include "base/strings.h"
#include "cluster/spec.h"
#include "cluster/spec_fields.h"
#include "cluster/spec_rules.h"
#include "cluster/suggest.h"

namespace keyway::cluster {

namespace {

constexpr std::string_view kApiVersion = "keyway.dev/v1alpha1";
constexpr std::string_view kKind = "KeywayCluster";
constexpr std::string_view kShards = "spec.shards";
constexpr std::string_view kNamedShards = "spec.namedShards";

// Goes through a document and fills a spec. Rules that need nothing but the value are checked on the way, so
// that the error stands where the value does even if it is only a default for others; the rest is
// find_problem's.
class SpecParser {
 public:
  SpecParser(const YamlNode& root, std::string_view source) : root_(root), fields_(source) {}

  Result<Spec> parse() {
    read_document();
    if (fields_.failed()) return fail(fields_.status().error());
    if (const auto problem = find_problem(spec_)) {
      const std::string field = as_written(problem->field);
      fields_.refuse_at(find_field(root_, field), field, problem->text);
      return fail(fields_.status().error());
    }
    return std::move(spec_);
  }

 private:
  void read_document() {
    // status is Kubernetes's: a document that was read from there may be given back as it is.
    if (!fields_.map(root_, "", {"apiVersion", "kind", "metadata", "spec", "status"})) return;
    read_constant("apiVersion", kApiVersion);
    read_constant("kind", kKind);
    if (const YamlNode* node = fields_.required(root_, "", "metadata", "{name: app}")) read_metadata(*node);
    if (const YamlNode* node = fields_.required(root_, "", "spec", "{shards: 3}")) read_spec(*node, "spec");
  }

  void read_constant(std::string_view name, std::string_view value) {
    const YamlNode* node = fields_.required(root_, "", name, value);
    if (!node || fields_.text(*node, name) == value) return;
    fields_.refuse(
        *node, name,
        fmt::format("\"{}\" is not what this version reads; write {}", excerpt(node->text), value));
  }

  void read_metadata(const YamlNode& node) {
    constexpr std::string_view path = "metadata";
    const std::vector<std::string_view> known = {
        "name",       "namespace",  "labels",          "annotations",
        "generation", "finalizers", "ownerReferences", "creationTimestamp",
        "uid",        "selfLink",   "resourceVersion", "managedFields"};
    if (!fields_.map(node, path, known)) return;
    const YamlNode* name = fields_.required(node, path, "name", "app");
    if (name) spec_.name = read_label(*name, "metadata.name");
  }

  std::string read_label(const YamlNode& node, std::string_view path) {
    std::string label = fields_.text(node, path);
    fields_.check(node, path, label_problem(label));
    return label;
  }

  void read_spec(const YamlNode& node, std::string_view path) {
    if (!fields_.map(node, path,
                     {"mode", "engine", "shards", "namedShards", "replicas", "memory", "storage",
                      "durability", "config", "users", "proxy", "local"})) {
      return;
    }
    if (const YamlNode* mode = node.find("mode")) {
      spec_.mode = fields_.choice(*mode, "spec.mode", {"sharded", "replicated"}) == 0 ? Mode::kSharded
                                                                                      : Mode::kReplicated;
    }
    if (const YamlNode* engine = node.find("engine")) read_engine(*engine, "spec.engine");
    read_partitions(node);
    if (const YamlNode* storage = node.find("storage")) read_storage(*storage, "spec.storage");
    if (const YamlNode* durability = node.find("durability")) {
      const size_t choice = fields_.choice(*durability, "spec.durability", {"fast", "safe"});
      spec_.durability = choice == 0 ? Durability::kFast : Durability::kSafe;
    }
    if (const YamlNode* config = node.find("config")) read_config(*config, "spec.config");
    read_users(node.find("users"), "spec.users");
    if (const YamlNode* proxy = node.find("proxy")) read_proxy(*proxy, "spec.proxy");
    if (const YamlNode* local = node.find("local")) read_local(*local, "spec.local");
  }

  EngineKind read_engine_kind(const YamlNode& node, std::string_view path) {
    return fields_.choice(node, path, {"redis", "valkey"}) == 0 ? EngineKind::kRedis : EngineKind::kValkey;
  }

  void read_engine(const YamlNode& node, std::string_view path) {
    if (node.kind == YamlNode::Kind::kScalar) {
      if (node.text.find('/') != std::string::npos) {
        fields_.refuse(
            node, path,
            "the short form takes a kind only; write {kind: redis, path: …} or {kind: valkey, path: …}");
      }
      spec_.engine.kind = read_engine_kind(node, path);
      return;
    }
    if (!fields_.map(node, path, {"kind", "path", "image"})) return;
    const YamlNode* kind = fields_.required(node, path, "kind", "redis");
    if (kind) spec_.engine.kind = read_engine_kind(*kind, "spec.engine.kind");
    if (const YamlNode* folder = node.find("path"))
      spec_.engine.path = read_filled(*folder, "spec.engine.path");
    if (const YamlNode* image = node.find("image"))
      spec_.engine.image = read_filled(*image, "spec.engine.image");
  }

  std::string read_filled(const YamlNode& node, std::string_view path) {
    std::string text = fields_.text(node, path);
    if (text.empty()) fields_.refuse(node, path, "it is empty; write a value, or leave the field out");
    return text;
  }

  int read_replicas(const YamlNode& node, std::string_view path) {
    const int64_t replicas = fields_.integer(node, path);
    fields_.check(node, path, replicas_problem(replicas));
    return fields_.failed() ? 0 : static_cast<int>(replicas);
  }

  int64_t read_memory(const YamlNode& node, std::string_view path) {
    const int64_t memory_bytes = fields_.size_bytes(node, path);
    fields_.check(node, path, memory_problem(memory_bytes));
    return memory_bytes;
  }

  void read_partitions(const YamlNode& node) {
    PartitionSpec like;  // what all have, unless they say otherwise
    if (const YamlNode* replicas = node.find("replicas"))
      like.replicas = read_replicas(*replicas, "spec.replicas");
    if (const YamlNode* memory = node.find("memory")) like.memory_bytes = read_memory(*memory, "spec.memory");
    const YamlNode* shards = node.find("shards");
    if (const YamlNode* named = node.find("namedShards")) {
      if (shards) fields_.refuse(*named, kNamedShards, "spec.shards says the same; write one of them");
      if (!fields_.list(*named, kNamedShards)) return;
      path_of_shards_ = kNamedShards;
      shards = named;
    }
    spec_.partitions_named = shards && shards->kind == YamlNode::Kind::kList;
    if (spec_.partitions_named) {
      read_named_partitions(*shards, like);
    } else {
      make_counted_partitions(shards, like);
    }
  }

  void make_counted_partitions(const YamlNode* shards, const PartitionSpec& like) {
    int64_t count = spec_.mode == Mode::kSharded ? kDefaultShards : 1;
    if (shards) {
      count = fields_.integer(*shards, "spec.shards");
      fields_.check(*shards, "spec.shards", shard_count_problem(count));
    }
    for (int i = 0; !fields_.failed() && i < count; ++i) {
      spec_.partitions.push_back(like);
      spec_.partitions.back().name = counted_partition_name(i);
    }
  }

  // Problems of the whole spec name its field spec.shards.
  std::string as_written(const std::string& field) const {
    return field.starts_with(kShards) ? std::string(path_of_shards_) + field.substr(kShards.size()) : field;
  }

  void read_named_partitions(const YamlNode& node, const PartitionSpec& like) {
    for (size_t i = 0; i < node.items.size() && !fields_.failed(); ++i) {
      spec_.partitions.push_back(like);
      read_partition(node.items[i], field_path(path_of_shards_, i), spec_.partitions.back());
    }
  }

  void read_partition(const YamlNode& node, const std::string& path, PartitionSpec& partition) {
    if (!fields_.map(node, path, {"name", "replicas", "memory", "slots"})) return;
    const YamlNode* name = fields_.required(node, path, "name", "p1");
    if (name) partition.name = read_label(*name, path + ".name");
    if (const YamlNode* replicas = node.find("replicas"))
      partition.replicas = read_replicas(*replicas, path + ".replicas");
    if (const YamlNode* memory = node.find("memory"))
      partition.memory_bytes = read_memory(*memory, path + ".memory");
    if (const YamlNode* slots = node.find("slots")) partition.slots = read_slots(*slots, path + ".slots");
  }

  SlotRanges read_slots(const YamlNode& node, const std::string& path) {
    SlotSet slots;
    if (!fields_.list(node, path)) return {};
    for (size_t i = 0; i < node.items.size() && !fields_.failed(); ++i) {
      const YamlNode& item = node.items[i];
      const std::string item_path = field_path(path, i);
      const auto ranges = parse_slots(item.text);
      if (item.kind != YamlNode::Kind::kScalar || !ranges || ranges->size() != 1) {
        fields_.refuse(item, item_path,
                       "this is no range of slots; write it as FIRST-LAST or one slot, from 0 to 16383");
        break;
      }
      const SlotSet more = to_set(*ranges);
      if ((slots & more).any())
        fields_.refuse(item, item_path, "some of these slots are in the list already; list each once");
      slots |= more;
    }
    return to_ranges(slots);
  }

  void read_storage(const YamlNode& node, std::string_view path) {
    if (!fields_.map(node, path, {"size", "className", "onDelete"})) return;
    if (const YamlNode* size = node.find("size"))
      spec_.storage.size_bytes = fields_.size_bytes(*size, "spec.storage.size");
    if (const YamlNode* name = node.find("className")) {
      spec_.storage.class_name = read_filled(*name, "spec.storage.className");
    }
    if (const YamlNode* on_delete = node.find("onDelete")) {
      const size_t choice = fields_.choice(*on_delete, "spec.storage.onDelete", {"Retain", "Delete"});
      spec_.storage.delete_with_cluster = choice == 1;
    }
  }

  void read_config(const YamlNode& node, std::string_view path) {
    if (node.kind != YamlNode::Kind::kMap) {
      fields_.refuse(
          node, path,
          "a map of server parameters belongs here; write lines such as maxmemory-policy: allkeys-lru");
      return;
    }
    for (const YamlNode& value : node.items) {
      const std::string name = to_lower(value.key);
      const std::string value_path = field_path(path, excerpt(value.key));
      const bool fresh = spec_.config.emplace(name, fields_.parameter(value, value_path)).second;
      if (!fresh)
        fields_.refuse_at(value.key_at, value_path,
                          "it is given twice, in upper and lower case; keep one of them");
    }
  }

  void read_users(const YamlNode* node, std::string_view path) {
    if (!node) {
      spec_.users = default_spec({}, spec_.mode, 1, 0).users;
      return;
    }
    if (!fields_.list(*node, path)) return;
    for (size_t i = 0; i < node->items.size() && !fields_.failed(); ++i) {
      spec_.users.push_back(read_user(node->items[i], field_path(path, i)));
    }
  }

  UserSpec read_user(const YamlNode& node, const std::string& path) {
    UserSpec user;
    if (!fields_.map(node, path, {"name", "rules", "enabled"})) return user;
    if (const YamlNode* name = fields_.required(node, path, "name", "app"))
      user.name = fields_.text(*name, path + ".name");
    if (const YamlNode* rules = fields_.required(node, path, "rules", "\"+@read ~*\"")) {
      user.rules = fields_.text(*rules, path + ".rules");
    }
    if (const YamlNode* enabled = node.find("enabled"))
      user.enabled = fields_.boolean(*enabled, path + ".enabled");
    return user;
  }

  int read_port(const YamlNode& node, std::string_view path) {
    const int64_t number = fields_.integer(node, path);
    if (number < 0 || number > 65535)
      fields_.refuse(node, path, "ports are from 1 to 65535; choose one of them");
    return fields_.failed() ? 0 : static_cast<int>(number);
  }

  void read_proxy(const YamlNode& node, std::string_view path) {
    if (!fields_.map(node, path, {"port", "user"})) return;
    ProxySpec& proxy = spec_.proxy.emplace();
    if (const YamlNode* port = node.find("port")) proxy.port = read_port(*port, "spec.proxy.port");
    if (const YamlNode* user = node.find("user")) proxy.user = fields_.text(*user, "spec.proxy.user");
  }

  void read_local(const YamlNode& node, std::string_view path) {
    if (!fields_.map(node, path, {"host", "port"})) return;
    if (const YamlNode* host = node.find("host")) spec_.host = read_filled(*host, "spec.local.host");
    if (const YamlNode* port = node.find("port")) spec_.port = read_port(*port, "spec.local.port");
  }

  const YamlNode& root_;
  FieldReader fields_;
  Spec spec_;
  std::string_view path_of_shards_ = kShards;
};

}  // namespace

Result<Spec> parse_spec(std::string_view text, std::string_view source) {
  const auto root = read_yaml(text, source);
  if (!root) return fail(root.error());
  return SpecParser(*root, source).parse();
}

}  // namespace keyway::cluster
