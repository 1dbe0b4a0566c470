#include "cli/cluster/views.h"

#include <algorithm>
#include <iterator>

#include "base/format.h"
#include "base/strings.h"
#include "cli/cluster/summary.h"
#include "cli/table.h"

namespace keyway::cli {

namespace {

constexpr size_t kShownRanges = 4;

void append(Lines& lines, Lines more) {
  lines.insert(lines.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::string rate_text(const admin::MoveResult& result) {
  if (result.elapsed_ms <= 0 || result.keys <= 0) return "";
  return fmt::format(", {} keys/s", grouped(result.keys * 1000 / result.elapsed_ms));
}

Cell health_cell(const NodeSummary& node) {
  return node.answers ? Cell{"ok", Style::kGood} : Cell{node.note, Style::kBad};
}

Table node_table(const std::vector<NodeSummary>& nodes) {
  Table table({{"ROLE"},
               {"ADDRESS"},
               {"ID", false, 2},
               {"SLOTS", false, 1},
               {"COUNT", true, 3},
               {"KEYS", true},
               {"MEMORY", true, 4},
               {"ZONE", false, 5},
               {"VERSION", false, 6},
               {"HEALTH"}});
  for (const NodeSummary& node : nodes) {
    std::string slots = node.primary ? short_slots(node.slots, kShownRanges) : "";
    table.add({{node.primary ? "primary" : "  replica", node.primary ? Style::kStrong : Style::kPlain},
               {to_string(node.address)},
               {short_id(node.id), Style::kFaint},
               {node.primary && slots.empty() ? "none" : slots},
               {node.primary ? grouped(cluster::count(node.slots)) : ""},
               {node.answers ? grouped(node.keys) : ""},
               {node.answers ? human_bytes(node.memory_bytes) : ""},
               {node.zone},
               {node.version},
               health_cell(node)});
  }
  return table;
}

}  // namespace

std::string bytes_or_unknown(int64_t size_bytes) { return size_bytes < 0 ? "?" : human_bytes(size_bytes); }

namespace {

// "3 slots and 12 keys, 1.2 KiB"; without the bytes if they are not known.
std::string volume_text(int64_t slots, int64_t keys, int64_t size_bytes) {
  std::string text = fmt::format("{} and {}", count_of(slots, "slot"), count_of(keys, "key"));
  return size_bytes < 0 ? text : text + ", " + human_bytes(size_bytes);
}

}  // namespace

Lines plan_lines(const admin::MovePlan& plan, const Terminal& terminal) {
  if (plan.moves.empty()) return {"Nothing is to be moved."};
  Table table({{"FROM"}, {"TO"}, {"SLOTS", false, 1}, {"COUNT", true}, {"KEYS", true}, {"BYTES", true, 2}});
  for (const admin::PlannedMove& move : plan.moves) {
    table.add({{to_string(move.from)},
               {to_string(move.to)},
               {short_slots(move.slots, kShownRanges)},
               {grouped(cluster::count(move.slots))},
               {grouped(move.keys)},
               {bytes_or_unknown(move.bytes)}});
  }
  Lines lines = table.render(terminal);
  for (const std::string& key : plan.big_keys)
    lines.push_back(paint("! " + printable(key), Style::kWarning, terminal.colour));
  lines.emplace_back();
  lines.push_back(fmt::format("{}, about {}{}.", volume_text(plan.slots(), plan.keys(), plan.bytes()),
                              human_duration(plan.estimated_ms),
                              plan.atomic ? ", by atomic slot migration" : ""));
  return lines;
}

Lines move_lines(const admin::MoveResult& result, const Terminal& terminal) {
  if (result.plan.moves.empty() && result.slots == 0) return {};
  if (!result.carried_out && !result.interrupted) return {"Nothing was touched."};
  std::string done = fmt::format("{}, in {}{}", volume_text(result.slots, result.keys, result.bytes),
                                 human_duration(result.elapsed_ms), rate_text(result));
  if (!result.interrupted) return {fmt::format("Moved {}.", done)};
  return {paint(fmt::format("Interrupted: moved {} of {} slots; the cluster is whole. The same command again "
                            "goes on.",
                            done, result.plan.slots()),
                Style::kWarning, terminal.colour)};
}

Lines placement_lines(const cluster::Placement& placement, const Terminal& terminal) {
  Table table({{"PRIMARY"}, {"SLOTS", false, 1}, {"REPLICAS"}});
  int shards = static_cast<int>(placement.shards.size());
  for (int i = 0; i < shards; ++i) {
    const cluster::PlacedShard& shard = placement.shards[static_cast<size_t>(i)];
    cluster::SlotRange range = cluster::even_range(i, shards);
    table.add(
        {{shard.primary}, {fmt::format("{}-{}", range.first, range.last)}, {join(shard.replicas, ", ")}});
  }
  return table.render(terminal);
}

Lines create_lines(const admin::CreateResult& result) {
  if (result.interrupted)
    return {"Interrupted: the cluster is half made. The same command again finishes it."};
  if (!result.carried_out) return {"Nothing was touched."};
  size_t nodes = 0;
  for (const cluster::PlacedShard& shard : result.placement.shards) nodes += 1 + shard.replicas.size();
  return {fmt::format("The cluster of {} in {} is whole and takes writes, after {}.",
                      count_of(static_cast<int64_t>(nodes), "node"),
                      count_of(static_cast<int64_t>(result.placement.shards.size()), "shard"),
                      human_duration(result.elapsed_ms))};
}

Lines finding_lines(const std::vector<cluster::Finding>& findings, const Terminal& terminal) {
  Lines lines;
  for (const cluster::Finding& finding : findings) {
    lines.push_back(fmt::format("! {}: {}",
                                paint(cluster::to_string(finding.trouble), Style::kBad, terminal.colour),
                                printable(finding.text)));
    if (!finding.remedy.empty()) lines.push_back(fmt::format("    fix: {}", printable(finding.remedy)));
  }
  return lines;
}

Lines check_lines(const admin::CheckResult& result, std::string_view seed, const Terminal& terminal) {
  std::vector<NodeSummary> nodes = summarize(result.observed);
  ClusterTotals sum = totals(nodes);
  Lines lines = node_table(nodes).render(terminal);
  lines.emplace_back();
  append(lines, finding_lines(result.findings, terminal));
  std::string what = fmt::format("{} of {} slots are served by {} primaries with {} replicas", sum.slots,
                                 cluster::kSlotCount, sum.primaries, sum.replicas);
  if (result.findings.empty()) {
    lines.push_back(paint(fmt::format("Nothing is wrong: {}.", what), Style::kGood, terminal.colour));
    return lines;
  }
  auto mended =
      std::ranges::count_if(result.findings, [](const auto& finding) { return !finding.remedy.empty(); });
  lines.push_back(fmt::format("{}: {}.{}", count_of(static_cast<int64_t>(result.findings.size()), "finding"),
                              what, mended == 0 ? "" : fmt::format(" Mend: keyway cluster fix {}", seed)));
  return lines;
}

Lines fix_lines(const admin::FixResult& result, bool dry_run, const Terminal& terminal) {
  if (result.before.findings.empty()) return {"Nothing is wrong."};
  Lines lines;
  if (dry_run) {
    lines = finding_lines(result.before.findings, terminal);
    lines.emplace_back("Nothing was touched.");
    return lines;
  }
  std::string moved =
      result.keys_moved > 0 ? fmt::format(" {} moved.", count_of(result.keys_moved, "key")) : "";
  if (result.after.findings.empty()) {
    lines.push_back(paint(fmt::format("Nothing is wrong any more.{}", moved), Style::kGood, terminal.colour));
    return lines;
  }
  if (result.interrupted) lines.push_back(paint("Interrupted.", Style::kWarning, terminal.colour));
  lines.push_back(fmt::format("Still wrong:{}", moved));
  append(lines, finding_lines(result.after.findings, terminal));
  return lines;
}

Lines info_lines(const admin::ClusterInfo& info, const Terminal& terminal) {
  Table table({{"PRIMARY"},
               {"ID", false, 3},
               {"SLOTS", true},
               {"KEYS", true},
               {"MEMORY", true, 1},
               {"OPS/S", true, 2},
               {"REPLICAS", true},
               {"ZONE", false, 4},
               {"VERSION", false, 5},
               {"HEALTH", false}});
  for (const admin::PrimaryInfo& node : info.primaries) {
    table.add({{to_string(node.address)},
               {short_id(node.id), Style::kFaint},
               {grouped(node.slots)},
               {node.answers ? grouped(node.keys) : ""},
               {node.answers ? human_bytes(node.memory_bytes) : ""},
               {node.answers ? grouped(node.ops_per_s) : ""},
               {grouped(node.replicas)},
               {node.zone},
               {node.version},
               node.answers ? Cell{"ok", Style::kGood} : Cell{"does not answer", Style::kBad}});
  }
  Lines lines = table.render(terminal);
  lines.emplace_back();
  lines.push_back(fmt::format("{} keys on {} primaries, {:.2f} keys a slot on average.", grouped(info.keys),
                              info.primaries.size(), info.keys_a_slot));
  return lines;
}

Lines add_node_lines(const admin::AddNodeOptions& options, const admin::AddNodeResult& result) {
  if (result.interrupted)
    return {"Interrupted: it may have joined halfway. The same command again finishes that."};
  if (result.primary_id.empty()) {
    return {
        fmt::format("{} ({}) is a primary of the cluster now, without slots. `keyway cluster rebalance "
                    "--use-empty` gives it its share.",
                    to_string(options.node), short_id(result.id))};
  }
  return {fmt::format("{} ({}) is a replica of {} now, and in sync.", to_string(options.node),
                      short_id(result.id), short_id(result.primary_id))};
}

Lines del_node_lines(const admin::DelNodeResult& result) {
  if (result.interrupted) return {"Interrupted: the node is still there. The same command again goes on."};
  std::string moved =
      result.moved.slots > 0 ? fmt::format("{} moved away. ", count_of(result.moved.slots, "slot")) : "";
  return {fmt::format("{}{} forgot {}{}.", moved, count_of(result.forgotten_by, "node"), short_id(result.id),
                      result.reset ? "; it was reset and is a cluster of its own" : "; it did not answer")};
}

Lines import_lines(const admin::ImportResult& result, const Terminal& terminal) {
  Lines lines;
  for (const std::string& key : result.different)
    lines.push_back(paint("! differs: " + printable(key), Style::kBad, terminal.colour));
  lines.push_back(fmt::format("{}{} of {} imported, {}, in {}.", result.interrupted ? "Interrupted: " : "",
                              grouped(result.imported), count_of(result.scanned, "key"),
                              human_bytes(result.bytes), human_duration(result.elapsed_ms)));
  if (result.present > 0) {
    lines.push_back(fmt::format("{} {} in the cluster already and stayed as {}; --replace overwrites.",
                                count_of(result.present, "key"), result.present == 1 ? "was" : "were",
                                result.present == 1 ? "it was" : "they were"));
  }
  std::string rest = result.different_count > 0 ? fmt::format(", {} differ", result.different_count) : "";
  if (result.changing > 0) rest += fmt::format(", {} change too fast to be compared", result.changing);
  if (result.compared > 0 || !rest.empty())
    lines.push_back(fmt::format("Compared at the end: {} equal{}.", grouped(result.compared), rest));
  return lines;
}

Lines backup_lines(const admin::BackupResult& result, const std::string& folder, const Terminal& terminal) {
  if (result.interrupted) return {"Interrupted: there is no backup."};
  Table table({{"FILE"}, {"SLOTS", false, 1}, {"TAKEN FROM", false, 2}, {"SIZE", true}});
  int64_t size_bytes = 0;
  for (const admin::ShardBackup& shard : result.shards) {
    table.add({{shard.file},
               {short_slots(shard.slots, kShownRanges)},
               {to_string(shard.source)},
               {human_bytes(shard.size_bytes)}});
    size_bytes += shard.size_bytes;
  }
  Lines lines = table.render(terminal);
  lines.emplace_back();
  lines.push_back(fmt::format("{} and nodes.json are in {}: {}, in {}.",
                              count_of(static_cast<int64_t>(result.shards.size()), "file"), folder,
                              human_bytes(size_bytes), human_duration(result.elapsed_ms)));
  return lines;
}

}  // namespace keyway::cli
