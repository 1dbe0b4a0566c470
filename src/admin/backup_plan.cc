#include "admin/backup_plan.h"

#include <algorithm>
#include <map>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"

namespace keyway::admin {

namespace {

using cluster::Knowledge;
using cluster::KnownNode;
using cluster::NodeFacts;
using cluster::Observed;

constexpr int64_t kInSyncMs = 11'000;  // a primary says something every 10 s at least

Status check_no_open_slot(const Observed& observed) {
  for (const NodeFacts& node : observed.nodes) {
    if (!node.answering() || node.server.open_slots.empty()) continue;
    return fail(
        ErrorCode::kConflict,
        fmt::format("slot {} is being moved ({} has it open): a backup could miss its keys. Wait for the "
                    "move to end, or run `keyway cluster fix`, then try again",
                    node.server.open_slots.front().slot, to_string(node.address)));
  }
  return {};
}

// The replica of `primary_id` that is furthest; none: null.
const NodeFacts* best_replica(const Knowledge& knowledge, const std::string& primary_id) {
  const NodeFacts* best = nullptr;
  for (const auto& [id, node] : knowledge.nodes()) {
    bool of_it = !node.view.primary && node.view.primary_id == primary_id && node.facts != nullptr;
    if (!of_it || !is_in_sync(*node.facts)) continue;
    if (best == nullptr || node.facts->server.offset > best->server.offset) best = node.facts;
  }
  return best;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    bool control = static_cast<unsigned char>(c) < ' ';
    out += control ? fmt::format("\\u{:04x}", c) : std::string(1, c);
  }
  return out + "\"";
}

std::string slots_text(const cluster::SlotRanges& slots) {
  std::vector<std::string> ranges;
  for (const cluster::SlotRange& range : slots)
    ranges.push_back(fmt::format("[{},{}]", range.first, range.last));
  return join(ranges, ",");
}

std::string node_json(const std::string& id, const KnownNode& node, const ShardBackup* backup) {
  const cluster::PeerView& view = node.view;
  std::vector<std::string> fields = {
      "\"name\": " + quoted(id),
      "\"host\": " + quoted(view.address.host),
      fmt::format("\"port\": {}", view.address.port),
      "\"replicate\": " + (view.primary_id.empty() ? "null" : quoted(view.primary_id)),
      fmt::format("\"slots\": [{}]", slots_text(view.slots)),
      fmt::format("\"slots_count\": {}", cluster::count(view.slots)),
      fmt::format("\"flags\": \"{}\"", view.primary ? "master" : "slave"),
      fmt::format("\"current_epoch\": {}", view.config_epoch),
  };
  if (!view.shard_id.empty()) fields.push_back("\"shard_id\": " + quoted(view.shard_id));
  if (node.facts != nullptr && node.facts->answering()) {
    fields.push_back("\"version\": " + quoted(node.facts->server.version));
    if (!node.facts->server.zone.empty()) fields.push_back("\"zone\": " + quoted(node.facts->server.zone));
  }
  if (backup != nullptr) {
    fields.push_back("\"rdb\": " + quoted(backup->file));
    fields.push_back("\"rdb_source\": " + quoted(to_string(backup->source)));
  }
  return "  {\n    " + join(fields, ",\n    ") + "\n  }";
}

}  // namespace

bool is_in_sync(const NodeFacts& node) {
  return node.answering() && node.server.role == cluster::Role::kReplica && node.server.link_up &&
         !node.server.syncing && node.server.last_io_ms >= 0 && node.server.last_io_ms <= kInSyncMs;
}

Result<std::vector<BackupSource>> choose_sources(const Observed& observed, bool from_replicas) {
  if (Status closed = check_no_open_slot(observed); !closed) return fail(closed.error());
  Knowledge knowledge(observed);
  if (cluster::SlotRanges missing = knowledge.unowned(); !missing.empty()) {
    return fail(ErrorCode::kConflict, fmt::format("nobody owns the slots {}: `keyway cluster fix` first",
                                                  cluster::to_string(missing)));
  }
  std::vector<BackupSource> sources;
  for (const auto& [id, node] : knowledge.nodes()) {
    if (node.view.slots.empty()) continue;
    if (node.facts == nullptr || !node.facts->answering()) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("the primary {} ({}), which owns {} slots, does not answer", id,
                              to_string(node.view.address), cluster::count(node.view.slots)));
    }
    const NodeFacts* replica = from_replicas ? best_replica(knowledge, id) : nullptr;
    const Address& primary = node.facts->address;
    sources.push_back({id, primary, replica != nullptr ? replica->address : primary, node.view.slots});
  }
  return sources;
}

Status check_unmoved(const std::vector<BackupSource>& before, const Observed& now) {
  if (Status closed = check_no_open_slot(now); !closed) return closed;
  Knowledge knowledge(now);
  for (const BackupSource& source : before) {
    for (const cluster::SlotRange& range : source.slots) {
      for (int slot = range.first; slot <= range.last; ++slot) {
        const std::string& owner = knowledge.owner(static_cast<cluster::Slot>(slot));
        if (owner == source.id) continue;
        return fail(
            ErrorCode::kConflict,
            fmt::format("slot {} went from {} to {} during the backup: its keys could be in two files or in "
                        "none. Try again when no slots move and no primary fails over",
                        slot, source.id, owner.empty() ? "nobody" : owner));
      }
    }
  }
  return {};
}

std::string nodes_json(const Observed& observed, const std::vector<ShardBackup>& shards) {
  Knowledge knowledge(observed);
  std::vector<std::string> nodes;
  for (const auto& [id, node] : knowledge.nodes()) {
    auto backup = std::ranges::find(shards, id, &ShardBackup::id);
    nodes.push_back(node_json(id, node, backup == shards.end() ? nullptr : &*backup));
  }
  return "[\n" + join(nodes, ",\n") + "\n]\n";
}

}  // namespace keyway::admin
