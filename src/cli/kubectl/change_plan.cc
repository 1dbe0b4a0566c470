#include "cli/kubectl/change_plan.h"

#include <algorithm>
#include <set>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/balance.h"
#include "platform/kubernetes/whole_cluster.h"

namespace keyway::cli {

namespace kubernetes = platform::kubernetes;
using kubernetes::Value;

namespace {

using Objects = std::map<std::string, Value>;  // "StatefulSet redis-partition-p1-app"

std::string name_of(const Value& object) {
  return fmt::format("{} {}", object["kind"].text(), object["metadata"]["name"].text());
}

Result<Objects> objects_of(const cluster::Spec& spec, const std::string& name_space) {
  kubernetes::Surroundings surroundings;
  surroundings.naming = {spec.name, spec.name, spec.name, name_space};
  surroundings.tell_partitions = false;
  Result<kubernetes::WholeCluster> whole = kubernetes::spell_out(spec, surroundings);
  if (!whole) return fail(whole.error());
  Objects objects;
  for (Value& object : kubernetes::all_objects(*whole)) {
    std::string name = name_of(object);
    objects.emplace(std::move(name), std::move(object));
  }
  return objects;
}

std::string number_text(const Value& number) { return number.is_none() ? "0" : number.text(); }

// "2 pods → 3", "its pods are made anew", …
std::string note_of_set(const Value& from, const Value& to) {
  std::vector<std::string> notes;
  if (!(from["spec"]["replicas"] == to["spec"]["replicas"]))
    notes.push_back(fmt::format("{} pods instead of {}", number_text(to["spec"]["replicas"]),
                                number_text(from["spec"]["replicas"])));
  if (!(from["spec"]["volumeClaimTemplates"] == to["spec"]["volumeClaimTemplates"]))
    notes.emplace_back("its volumes grow");
  if (!(from["spec"]["template"] == to["spec"]["template"]))
    notes.emplace_back("its pods are made anew, the primary last");
  return join(notes, "; ");
}

bool is_set(std::string_view object) { return object.starts_with("StatefulSet "); }

void compare(const Objects& from, const Objects& to, ChangePlan& plan) {
  for (const auto& [name, object] : to) {
    auto before = from.find(name);
    if (before == from.end()) {
      std::string note =
          is_set(name) ? fmt::format("{} pods", number_text(object["spec"]["replicas"])) : std::string();
      plan.objects.push_back({ObjectChange::Kind::kCreate, name, note});
    } else if (!(before->second == object)) {
      plan.objects.push_back({ObjectChange::Kind::kChange, name,
                              is_set(name) ? note_of_set(before->second, object) : std::string()});
    }
  }
  for (const auto& [name, object] : from) {
    if (!to.contains(name))
      plan.objects.push_back({ObjectChange::Kind::kRemove, name,
                              is_set(name) ? "when its slots have moved to others" : std::string()});
  }
}

// The shards whose pods are of another template.
void list_new_pods(const Objects& from, const Objects& to, const PodCluster& present, ChangePlan& plan) {
  for (const auto& [shard_name, shard] : present.shards) {
    std::string set =
        fmt::format("StatefulSet {}", kubernetes::stateful_set_name(shard_name, present.suffix));
    auto before = from.find(set);
    auto after = to.find(set);
    bool anew = before != from.end() && after != to.end() &&
                !(before->second["spec"]["template"] == after->second["spec"]["template"]);
    if (!anew) continue;
    std::string primary = shard.primary();
    for (const kubernetes::PodView& pod : shard.pods) {
      if (pod.meta.name != primary) plan.new_pods.push_back(pod.meta.name);
    }
    if (!primary.empty()) plan.new_pods.push_back(primary);
  }
}

// The report has numbers of slots only; which ones they are is the steward's matter. So they are numbered
// anew here, shard by shard.
void move_slots(const cluster::Spec& to, const PodCluster& present, ChangePlan& plan) {
  if (to.mode != cluster::Mode::kSharded || present.reports.empty()) return;
  std::set<std::string> wanted;
  std::vector<cluster::ShardSlots> shards;
  for (const cluster::PartitionSpec& partition : to.partitions) {
    if (partition.slots) {
      plan.notes.emplace_back("slots go where the spec says: how many move cannot be told from here");
      return;
    }
    wanted.insert(partition.name);
    shards.push_back({partition.name, {}, std::nullopt, false});
  }
  for (const auto& [name, shard] : present.shards) {
    if (!wanted.contains(name)) shards.push_back({name, {}, std::nullopt, true});
  }
  int64_t next = 0;
  for (cluster::ShardSlots& one : shards) {
    auto shard = present.shards.find(one.shard);
    int64_t count = shard != present.shards.end() && shard->second.report ? shard->second.report->slots : 0;
    count = std::min<int64_t>(count, cluster::kSlotCount - next);
    if (count <= 0) continue;
    one.slots = {{static_cast<cluster::Slot>(next), static_cast<cluster::Slot>(next + count - 1)}};
    next += count;
  }
  std::map<std::pair<std::string, std::string>, int> moved;
  for (const cluster::SlotMove& move : cluster::balance(shards))
    moved[{move.from, move.to}] += cluster::count(move.slots);
  for (const auto& [between, slots] : moved) plan.moves.push_back({between.first, between.second, slots});
}

}  // namespace

Result<ChangePlan> plan_spec_change(const std::optional<cluster::Spec>& from, const cluster::Spec& to,
                                    const PodCluster& present, const std::string& name_space) {
  if (from) {
    if (Status allowed = cluster::validate_change(*from, to); !allowed) return fail(allowed.error());
  }
  Result<Objects> before = from ? objects_of(*from, name_space) : Objects{};
  if (!before) return fail(before.error());
  Result<Objects> after = objects_of(to, name_space);
  if (!after) return fail(after.error());
  ChangePlan plan;
  compare(*before, *after, plan);
  list_new_pods(*before, *after, present, plan);
  move_slots(to, present, plan);
  if (from && from->users != to.users)
    plan.notes.emplace_back("users change: servers take them over without a restart");
  return plan;
}

}  // namespace keyway::cli
