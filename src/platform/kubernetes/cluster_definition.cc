#include "platform/kubernetes/cluster_definition.h"

#include "cluster/slots.h"
#include "cluster/spec_rules.h"
#include "platform/kubernetes/names.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr std::string_view kLabelPattern = "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$";
constexpr std::string_view kSizePattern = "^[0-9]+(\\.[0-9]{1,9})?([bBkKMgG]|[kKmMgG][bB]|[KMGTP]i|[TP])?$";
// redis-partition-SHARD-CLUSTER is at most kMaxStatefulSetName long; no shard's name is shorter than "p1".
constexpr int kMaxClusterName = 33;
constexpr int kMaxRulesLength = 4096;
constexpr int kMaxUserName = 64;

struct Rule {
  std::string_view rule;
  std::string_view message;
};

// A field's schema.
class Schemas {
 public:
  explicit Schemas(bool with_rules) : with_rules_(with_rules) {}

  static Value text(std::string_view description) {
    return fields({{"description", description}, {"type", "string"}});
  }
  static Value number(std::string_view description, int least, int most) {
    return fields({{"description", description}, {"type", "integer"}, {"minimum", least}, {"maximum", most}});
  }
  static Value one_of(std::string_view description, std::vector<Value> values) {
    return fields({{"description", description}, {"type", "string"}, {"enum", list(std::move(values))}});
  }
  static Value size(std::string_view description) {
    return fields({{"description", description},
                   {"x-kubernetes-int-or-string", true},
                   {"anyOf", list({fields({{"type", "integer"}}), fields({{"type", "string"}})})},
                   {"pattern", kSizePattern}});
  }
  // What may be of several shapes is looked at by Keyway alone.
  static Value any(std::string_view description) {
    return fields({{"description", description}, {"x-kubernetes-preserve-unknown-fields", true}});
  }
  static Value map(std::string_view description, Value properties) {
    return fields({{"description", description}, {"type", "object"}, {"properties", std::move(properties)}});
  }

  Value with(Value schema, const std::vector<Rule>& rules) const {
    if (!with_rules_) return schema;
    Value all;
    for (const Rule& one : rules) all.append(fields({{"rule", one.rule}, {"message", one.message}}));
    return schema.set("x-kubernetes-validations", std::move(all));
  }

 private:
  bool with_rules_;
};

Value users_schema(const Schemas& schemas) {
  Value user =
      Schemas::map("A user of the servers.",
                   fields({{"name", Schemas::text("Its name.")
                                        .set("pattern", "^[A-Za-z0-9_.-]{1,64}$")
                                        .set("maxLength", kMaxUserName)},
                           {"rules", Schemas::text("ACL rules without passwords: Keyway makes those.")
                                         .set("minLength", 1)
                                         .set("maxLength", kMaxRulesLength)},
                           {"enabled", fields({{"description", "false: it may not log in."},
                                               {"type", "boolean"},
                                               {"default", true}})}}));
  user.set("required", list({"name", "rules"}));
  user =
      schemas.with(std::move(user),
                   {{"self.name != 'admin'", "admin is Keyway's own user; choose another name"},
                    {"!self.rules.matches('(^|[ ])([><#!][^ ]*|nopass|resetpass|on|off|reset)([ ]|$)')",
                     "Keyway makes passwords and switches users on and off; leave that out of the rules"}});
  return fields(
      {{"description", "Who may do what, beside Keyway's own user admin. An empty list: nobody else."},
       {"type", "array"},
       {"maxItems", cluster::kMaxUsers},
       {"x-kubernetes-list-type", "map"},
       {"x-kubernetes-list-map-keys", list({"name"})},
       {"items", std::move(user)}});
}

Value storage_schema() {
  return Schemas::map(
      "Where each server keeps its data.",
      fields({{"size", Schemas::size("Disk space of each server. Without it, data end with their pod.")},
              {"className", Schemas::text("The StorageClass.").set("pattern", "^[a-z0-9.-]{1,253}$")},
              {"onDelete",
               Schemas::one_of("What becomes of the data when the cluster is deleted.", {"Retain", "Delete"})
                   .set("default", "Retain")}}));
}

Value proxy_schema() {
  return Schemas::map(
      "A proxy beside the cluster: all of it behind one plain address.",
      fields({{"port", Schemas::number("Where it listens. 0: Keyway chooses.", 0, 65535)},
              {"user", Schemas::text("As whom clients act that do not log in, one of the users.")
                           .set("maxLength", kMaxUserName)}}));
}

Value local_schema() {
  return Schemas::map("For a cluster on one machine; not looked at here.",
                      fields({{"host", Schemas::text("The IP address that servers listen on.")},
                              {"port", Schemas::number("The first port.", 0, 65535)}}));
}

Value spec_schema(const Schemas& schemas) {
  Value mode = Schemas::one_of(
      "sharded: keys are spread over shards by hash slot. replicated: one primary with all keys, and its "
      "replicas. Immutable.",
      {"sharded", "replicated"});
  mode = schemas.with(mode.set("default", "sharded"),
                      {{"self == oldSelf", "mode cannot change; make another cluster"}});
  const Value shards = Schemas::number("How many shards (3).", 1, cluster::kMaxShards);
  const Value named_shards =
      fields({{"description", "The shards by name, in place of shards."},
              {"type", "array"},
              {"minItems", 1},
              {"maxItems", cluster::kMaxShards},
              {"items", Schemas::any("A map with name, replicas, memory and slots.")}});
  const Value config = fields(
      {{"description", "Parameters of the servers, as in redis.conf, besides those that Keyway sets itself."},
       {"type", "object"},
       {"additionalProperties", fields({{"x-kubernetes-preserve-unknown-fields", true}})}});
  Value spec = Schemas::map(
      "What the cluster shall be.",
      fields(
          {{"mode", std::move(mode)},
           {"engine", Schemas::any("redis or valkey, or a map with kind and image. The kind is immutable.")},
           {"shards", shards},
           {"namedShards", named_shards},
           {"replicas",
            Schemas::number("Copies of a shard beside its primary (1).", 0, cluster::kMaxReplicas)},
           {"memory", Schemas::size("The memory for data of each server (maxmemory), 8Mi or more. Without it "
                                    "there is no limit.")},
           {"storage", storage_schema()},
           {"durability",
            Schemas::one_of("fast: the servers' own way. safe: on disk each second, and no writes without a "
                            "replica that keeps up.",
                            {"fast", "safe"})},
           {"config", config},
           {"users", users_schema(schemas)},
           {"proxy", proxy_schema()},
           {"local", local_schema()}}));
  return schemas.with(
      std::move(spec),
      {{"!has(self.proxy) || !has(self.proxy.user) || self.proxy.user == '' || (has(self.users) ? "
        "self.users.exists(u, u.name == self.proxy.user) : self.proxy.user == 'workload')",
        "proxy.user is none of the users; name one of them"},
       {"!has(self.shards) || !has(self.namedShards)",
        "shards and namedShards say the same; write one of them"}});
}

// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md
Value condition_schema() {
  Value condition = Schemas::map(
      "One thing that is so, or not, and why.",
      fields(
          {{"type", Schemas::text("Ready, Progressing, Degraded, SlotsCovered, Redundant or UsersApplied.")},
           {"status", Schemas::one_of("Whether it is so.", {"True", "False", "Unknown"})},
           {"reason", Schemas::text("Why, in one word.")},
           {"message", Schemas::text("Why, for people.")},
           {"observedGeneration", fields({{"description", "The generation that this is said of."},
                                          {"type", "integer"},
                                          {"format", "int64"}})},
           {"lastTransitionTime", Schemas::text("Since when.").set("format", "date-time")}}));
  return condition.set("required", list({"type", "status"}));
}

Value status_schema() {
  const auto count = [](std::string_view description) {
    return fields({{"description", description}, {"type", "integer"}, {"format", "int32"}});
  };
  Value status = Schemas::map(
      "What the cluster is.",
      fields(
          {{"observedGeneration", fields({{"description", "The generation of the spec that this is said of."},
                                          {"type", "integer"},
                                          {"format", "int64"}})},
           {"state", Schemas::text("In a word: ready, or what is going on.")},
           {"shards", count("How many shards there are.")},
           {"readyShards", count("How many of them take writes.")},
           {"ready", Schemas::text("The same as \"3/3\".")},
           {"version", Schemas::text("That of the servers.")},
           {"selector", Schemas::text("Which pods are the cluster's, for autoscalers.")},
           {"conditions", fields({{"description", "What is so, and why."},
                                  {"type", "array"},
                                  {"x-kubernetes-list-type", "map"},
                                  {"x-kubernetes-list-map-keys", list({"type"})},
                                  {"items", condition_schema()}})}}));
  return status.set("x-kubernetes-preserve-unknown-fields", true);
}

Value schema(const Schemas& schemas) {
  const Value name = fields({{"type", "string"}, {"pattern", kLabelPattern}, {"maxLength", kMaxClusterName}});
  Value root = Schemas::map(
      "A Redis or Valkey cluster that Keyway runs.",
      fields({{"apiVersion", Schemas::text("The version of this document's format.")},
              {"kind", Schemas::text("KeywayCluster.")},
              {"metadata", fields({{"type", "object"}, {"properties", fields({{"name", name}})}})},
              {"spec", spec_schema(schemas)},
              {"status", status_schema()}}));
  return root.set("required", list({"spec"}));
}

Value column(std::string_view name, std::string_view path, std::string_view type = "string") {
  return fields({{"name", name}, {"type", type}, {"jsonPath", path}});
}

Value version(const Schemas& schemas) {
  return fields({
      {"name", kApiVersion},
      {"served", true},
      {"storage", true},
      {"additionalPrinterColumns",
       list({column("Mode", ".spec.mode"), column("Shards", ".status.shards", "integer"),
             column("Ready", ".status.ready"), column("State", ".status.state"),
             column("Version", ".status.version"), column("Age", ".metadata.creationTimestamp", "date")})},
      {"subresources", fields({{"status", fields({})},
                               {"scale", fields({{"specReplicasPath", ".spec.shards"},
                                                 {"statusReplicasPath", ".status.shards"},
                                                 {"labelSelectorPath", ".status.selector"}})}})},
      {"schema", fields({{"openAPIV3Schema", schema(schemas)}})},
  });
}

}  // namespace

Value cluster_definition(int kubernetes_minor) {
  const Schemas schemas(kubernetes_minor >= kFirstMinorWithRules);
  return fields({
      {"apiVersion", "apiextensions.k8s.io/v1"},
      {"kind", "CustomResourceDefinition"},
      {"metadata", fields({{"name", std::string(kResource) + "." + std::string(kApiGroup)},
                           {"labels", fields({{kManagedByLabel, kManager}})}})},
      {"spec", fields({{"group", kApiGroup},
                       {"scope", "Namespaced"},
                       {"names", fields({{"kind", kKind},
                                         {"listKind", std::string(kKind) + "List"},
                                         {"plural", kResource},
                                         {"singular", "keywaycluster"},
                                         {"shortNames", list({"kwc"})}})},
                       {"versions", list({version(schemas)})}})},
  });
}

}  // namespace keyway::platform::kubernetes
