#include "backup/sources.h"

#include <algorithm>

#include "admin/backup_plan.h"
#include "base/format.h"
#include "cluster/ownership.h"

namespace keyway::backup {

namespace {

using cluster::Knowledge;
using cluster::NodeFacts;
using cluster::Observed;

Source source_of(const NodeFacts& node) {
  return {node.name, node.address, node.server.engine, node.server.version,
          node.server.role == cluster::Role::kReplica};
}

// The replicas in sync, the furthest first, then the primary.
std::vector<Source> in_order(std::vector<const NodeFacts*> replicas, const NodeFacts& primary) {
  std::erase_if(replicas, [](const NodeFacts* node) { return !admin::is_in_sync(*node); });
  std::ranges::sort(replicas, std::ranges::greater{},
                    [](const NodeFacts* node) { return node->server.offset; });
  std::vector<Source> sources;
  for (const NodeFacts* node : replicas) sources.push_back(source_of(*node));
  sources.push_back(source_of(primary));
  return sources;
}

Result<std::vector<ShardSources>> sources_of_slots(const Observed& observed) {
  Result<std::vector<admin::BackupSource>> chosen = admin::choose_sources(observed, /*from_replicas=*/true);
  if (!chosen) return fail(chosen.error());
  Knowledge knowledge(observed);
  std::vector<ShardSources> shards;
  for (const admin::BackupSource& each : *chosen) {
    const NodeFacts& primary = *knowledge.find(each.id)->facts;
    ShardSources& shard = shards.emplace_back();
    shard.name = primary.shard.empty() ? each.id : primary.shard;
    shard.slots = each.slots;
    shard.ids.insert(each.id);
    std::vector<const NodeFacts*> replicas;
    for (const auto& [id, node] : knowledge.nodes()) {
      if (node.view.primary || node.view.primary_id != each.id) continue;
      shard.ids.insert(id);
      if (node.facts != nullptr) replicas.push_back(node.facts);
    }
    shard.sources = in_order(std::move(replicas), primary);
  }
  std::ranges::sort(shards, {}, &ShardSources::name);
  auto twice = std::ranges::adjacent_find(shards, {}, &ShardSources::name);
  if (twice == shards.end()) return shards;
  return fail(ErrorCode::kConflict,
              fmt::format("two primaries of shard {} have slots; `keyway status` tells what is being done "
                          "about it",
                          twice->name));
}

// The only one that answers as a primary; of several the one on record.
const NodeFacts* primary_of(const Observed& observed) {
  const NodeFacts* found = nullptr;
  for (const NodeFacts& node : observed.nodes) {
    if (!node.answering() || node.server.role != cluster::Role::kPrimary) continue;
    auto record = observed.shards.find(node.shard);
    bool on_record = record != observed.shards.end() && record->second.primary == node.name;
    if (found == nullptr || on_record) found = &node;
  }
  return found;
}

Result<std::vector<ShardSources>> sources_of_one(const Observed& observed) {
  const NodeFacts* primary = primary_of(observed);
  if (primary == nullptr) return fail(ErrorCode::kUnavailable, "no server answers as its primary");
  std::vector<const NodeFacts*> replicas;
  for (const NodeFacts& node : observed.nodes) {
    if (node.server.role == cluster::Role::kReplica) replicas.push_back(&node);
  }
  ShardSources shard;
  shard.name = primary->shard.empty() ? "p1" : primary->shard;
  shard.sources = in_order(std::move(replicas), *primary);
  return std::vector<ShardSources>{std::move(shard)};
}

}  // namespace

Result<std::vector<ShardSources>> choose_sources(const Observed& observed, cluster::Mode mode) {
  return mode == cluster::Mode::kSharded ? sources_of_slots(observed) : sources_of_one(observed);
}

Status check_unmoved(const std::vector<ShardSources>& before, const Observed& now, cluster::Mode mode) {
  if (mode == cluster::Mode::kReplicated) return {};
  // Also refuses slots that are open or nobody's.
  Result<std::vector<ShardSources>> after = sources_of_slots(now);
  if (!after) return fail(after.error());
  Knowledge knowledge(now);
  for (const ShardSources& shard : before) {
    cluster::SlotSet slots = cluster::to_set(shard.slots);
    for (int slot = 0; slot < cluster::kSlotCount; ++slot) {
      if (!slots.test(static_cast<size_t>(slot))) continue;
      const std::string& owner = knowledge.owner(static_cast<cluster::Slot>(slot));
      if (shard.ids.contains(owner)) continue;
      return fail(ErrorCode::kConflict,
                  fmt::format("slot {} left shard {} during the backup: its keys could be in two files or in "
                              "none. Try again when no slots move",
                              slot, shard.name));
    }
  }
  return {};
}

}  // namespace keyway::backup
