#include "operator/sight.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/json_scan.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/quantity.h"

namespace keyway::operators {

namespace kubernetes = platform::kubernetes;

namespace {

constexpr std::string_view kSource = "KeywayCluster";

// "SOURCE:LINE:COLUMN: FIELD: what" without the place, which means nothing in an object on one line.
std::string without_place(const std::string& message) {
  if (!message.starts_with(kSource)) return message;
  const size_t end = message.find(": ");
  return end == std::string::npos ? message : message.substr(end + 2);
}

Result<cluster::Spec> read_spec(const ClusterView& object) {
  const std::string document = fmt::format(
      R"({{"apiVersion":"{}/{}","kind":"{}","metadata":{{"name":"{}"}},"spec":{}}})", kubernetes::kApiGroup,
      kubernetes::kApiVersion, kubernetes::kKind, object.meta.name, object.spec.empty() ? "{}" : object.spec);
  Result<cluster::Spec> spec = cluster::parse_spec(document, kSource);
  if (!spec) return fail(spec.error().code, without_place(spec.error().message));
  return spec;
}

cluster::PartitionSpec partition_of(const SetView& set) {
  cluster::PartitionSpec partition;
  partition.name = set.meta.shard;
  partition.replicas = static_cast<int>(set.replicas) - 1;
  return partition;
}

// The spec that was carried out last, as far as it matters for what may change.
cluster::Spec former_spec(const cluster::Spec& spec, const Sight& sight) {
  cluster::Spec former = spec;
  former.mode = sight.prior.mode == "replicated" ? cluster::Mode::kReplicated : cluster::Mode::kSharded;
  former.engine.kind =
      sight.prior.engine == "valkey" ? cluster::EngineKind::kValkey : cluster::EngineKind::kRedis;
  former.partitions.clear();
  // A set that is being made anew is known by its pods.
  std::map<std::string, cluster::PartitionSpec> present;
  for (const SetView& set : sight.snapshot->sets) {
    if (sight.owns(set.meta)) present[set.meta.shard] = partition_of(set);
  }
  for (const ServerPod& pod : sight.snapshot->pods) present[pod.meta.shard].name = pod.meta.shard;
  for (auto& [name, partition] : present) former.partitions.push_back(std::move(partition));
  if (former.partitions.empty()) former.partitions = spec.partitions;
  return former;
}

Status check_storage(const cluster::Spec& spec, const SetView& set) {
  constexpr std::string_view kField = "spec.storage.size";
  const auto refuse = [](std::string_view field, std::string text) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}", field, text));
  };
  if (set.storage.empty() != !spec.storage.size_bytes)
    return refuse(kField,
                  "a cluster cannot get volumes or lose them; change it back, or make another cluster");
  if (!spec.storage.size_bytes) return {};
  const std::optional<int64_t> present = kubernetes::parse_quantity(set.storage);
  if (present && *present > *spec.storage.size_bytes)
    return refuse(kField, fmt::format("volumes cannot shrink; write {} or more", set.storage));
  if (!spec.storage.class_name.empty() && spec.storage.class_name != set.storage_class)
    return refuse("spec.storage.className",
                  fmt::format("the class of a volume cannot change; write \"{}\", or make another cluster",
                              set.storage_class));
  return {};
}

Status check_change(const cluster::Spec& spec, const Sight& sight) {
  if (!sight.prior.mode.empty()) {
    if (Status fine = cluster::validate_change(former_spec(spec, sight), spec); !fine) return fine;
  }
  for (const SetView& set : sight.snapshot->sets) {
    const bool wanted = std::ranges::any_of(
        spec.partitions, [&](const cluster::PartitionSpec& one) { return one.name == set.meta.shard; });
    if (!wanted || !sight.owns(set.meta)) continue;
    if (Status fine = check_storage(spec, set); !fine) return fine;
  }
  return {};
}

kubernetes::Surroundings surroundings_of(const SmallMeta& meta, const Surroundings& given) {
  kubernetes::Surroundings surroundings;
  surroundings.naming = {meta.name, meta.name, meta.name, meta.name_space};
  surroundings.keyway_image = given.keyway_image;
  surroundings.policy_version = given.policy_version;
  // Their Lease tells them.
  surroundings.tell_partitions = false;
  surroundings.tell_replicas = false;
  return surroundings;
}

// In sharded mode the steward's; in replicated mode that of the shard's holder, whose Lease is the shard's.
std::optional<kubernetes::Report> find_report(const Sight& sight) {
  const std::string& name = sight.meta().name;
  const std::string of_cluster = kubernetes::service_name(name);
  for (const LeaseView& lease : sight.snapshot->leases) {
    const bool of_shard = std::ranges::any_of(sight.shards, [&](const auto& shard) {
      return lease.meta.name == kubernetes::stateful_set_name(shard.first, name);
    });
    const bool matters =
        sight.spec.mode == cluster::Mode::kReplicated ? of_shard : lease.meta.name == of_cluster;
    if (!matters || lease.report.empty()) continue;
    if (Result<kubernetes::Report> report = kubernetes::parse_report(lease.report)) return *std::move(report);
  }
  return std::nullopt;
}

void add_objects(const Snapshot& snapshot, Sight& sight) {
  for (const SetView& set : snapshot.sets) {
    if (!set.meta.shard.empty()) sight.shards[set.meta.shard].set = &set;
  }
  for (const ServerPod& pod : snapshot.pods) {
    if (!pod.meta.shard.empty()) sight.shards[pod.meta.shard].pods.push_back(&pod);
  }
  for (const ClaimView& claim : snapshot.claims) {
    if (!claim.meta.shard.empty()) sight.shards[claim.meta.shard].claims.push_back(&claim);
  }
  for (auto& [name, shard] : sight.shards) {
    const auto number = [](const auto* object) { return ordinal_of(object->meta.name).value_or(0); };
    std::ranges::sort(shard.pods, {}, number);
    std::ranges::sort(shard.claims, {}, number);
  }
}

void add_report(Sight& sight) {
  sight.report = find_report(sight);
  if (!sight.report) return;
  for (auto& [name, shard] : sight.shards) {
    auto found = sight.report->shards.find(name);
    if (found != sight.report->shards.end()) shard.report = &found->second;
  }
}

}  // namespace

PriorStatus read_status(std::string_view json) {
  const auto text = [json](std::string_view path) {
    return kubernetes::json_string(kubernetes::find_json(json, path));
  };
  PriorStatus prior;
  prior.mode = text("mode");
  prior.engine = text("engine");
  prior.last_outcome = parse_int(kubernetes::find_json(json, "lastOutcome")).value_or(0);
  Status read =
      kubernetes::for_each_element(kubernetes::find_json(json, "conditions"), [&prior](std::string_view one) {
        const auto field = [one](std::string_view name) {
          return kubernetes::json_string(kubernetes::find_json(one, name));
        };
        prior.conditions[field("type")] = {field("status"), field("lastTransitionTime")};
        return Status{};
      });
  // A status without conditions is one that was never written.
  if (!read) prior.conditions.clear();
  return prior;
}

bool ShardSight::is_primary(const ServerPod& pod) const {
  return pod.primary || (report != nullptr && report->primary == pod.meta.name);
}

bool ShardSight::whole() const {
  return set != nullptr && std::ssize(pods) == set->replicas &&
         std::ranges::all_of(pods, [](const ServerPod* pod) { return pod->ready && !pod->meta.deleting; });
}

Result<Sight> see(const Snapshot& snapshot, const Surroundings& surroundings) {
  Result<cluster::Spec> spec = read_spec(snapshot.cluster);
  if (!spec) return fail(spec.error());
  Sight sight;
  sight.snapshot = &snapshot;
  sight.prior = read_status(snapshot.cluster.status);
  if (Status fine = check_change(*spec, sight); !fine) return fail(fine.error());
  Result<kubernetes::WholeCluster> whole =
      kubernetes::spell_out(*spec, surroundings_of(snapshot.cluster.meta, surroundings));
  if (!whole) return fail(whole.error().code, "metadata.name: " + whole.error().message);
  sight.spec = *std::move(spec);
  sight.whole = *std::move(whole);
  for (const kubernetes::ShardObjects& shard : sight.whole.shards) sight.shards[shard.name].wanted = &shard;
  add_objects(snapshot, sight);
  add_report(sight);
  return sight;
}

Sight see_without_spec(const Snapshot& snapshot) {
  Sight sight;
  sight.snapshot = &snapshot;
  sight.prior = read_status(snapshot.cluster.status);
  sight.spec.name = snapshot.cluster.meta.name;
  sight.spec.mode = sight.prior.mode == "replicated" ? cluster::Mode::kReplicated : cluster::Mode::kSharded;
  add_objects(snapshot, sight);
  for (const auto& [name, shard] : sight.shards) {
    if (shard.set != nullptr) sight.spec.partitions.push_back(partition_of(*shard.set));
  }
  add_report(sight);
  return sight;
}

}  // namespace keyway::operators
