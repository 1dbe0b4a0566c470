#include "cli/cluster/classic_views.h"

#include <algorithm>
#include <set>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::cli {

namespace {

using cluster::Finding;
using cluster::Trouble;

std::string slots_text(const cluster::SlotRanges& slots) {
  std::string text;
  for (const cluster::SlotRange& range : slots) {
    if (!text.empty()) text += ',';
    text += range.first == range.last ? fmt::format("[{}]", range.first)
                                      : fmt::format("[{}-{}]", range.first, range.last);
  }
  return text.empty() ? " " : text + " ";
}

bool has(const std::vector<Finding>& findings, const std::set<Trouble>& troubles) {
  return std::ranges::any_of(findings,
                             [&](const Finding& finding) { return troubles.contains(finding.trouble); });
}

void append_findings(Lines& lines, const std::vector<Finding>& findings, const std::set<Trouble>& troubles,
                     std::string (*form)(std::string_view, const Terminal&), const Terminal& terminal) {
  for (const Finding& finding : findings) {
    if (troubles.contains(finding.trouble)) lines.push_back(form(printable(finding.text), terminal));
  }
}

// Which of our findings redis-cli tells under which heading.
const std::set<Trouble> kOfConfiguration = {Trouble::kTwoOwners, Trouble::kDisagreement,
                                            Trouble::kEqualEpochs};
const std::set<Trouble> kOfOpenSlots = {Trouble::kOpenSlot};
const std::set<Trouble> kOfCoverage = {Trouble::kUncovered};
const std::set<Trouble> kOthers = {Trouble::kStrayKeys,   Trouble::kUnreachable,   Trouble::kReplicaOfNobody,
                                   Trouble::kLinkDown,    Trouble::kHalfForgotten, Trouble::kNeverMet,
                                   Trouble::kStaleAddress};

Lines finding_sections(const std::vector<Finding>& findings, const Terminal& terminal) {
  Lines lines;
  if (has(findings, kOfConfiguration)) {
    lines.push_back(classic_error("Nodes don't agree about configuration!", terminal));
    append_findings(lines, findings, kOfConfiguration, classic_error, terminal);
  } else {
    lines.push_back(classic_ok("All nodes agree about slots configuration.", terminal));
  }
  lines.push_back(classic_title("Check for open slots...", terminal));
  append_findings(lines, findings, kOfOpenSlots, classic_warning, terminal);
  lines.push_back(classic_title("Check slots coverage...", terminal));
  if (has(findings, kOfCoverage)) {
    lines.push_back(classic_error("Not all 16384 slots are covered by nodes.", terminal));
    append_findings(lines, findings, kOfCoverage, classic_error, terminal);
  } else {
    lines.push_back(classic_ok("All 16384 slots covered.", terminal));
  }
  append_findings(lines, findings, kOthers, classic_error, terminal);
  return lines;
}

std::string total_line(std::string_view address, std::string_view id, int64_t keys, int slots, int replicas) {
  return fmt::format("{} ({}...) -> {} keys | {} slots | {} slaves.", address, short_id(id), keys, slots,
                     replicas);
}

Lines sums(int64_t keys, size_t primaries, const Terminal& terminal) {
  return {classic_ok(fmt::format("{} keys in {} masters.", keys, primaries), terminal),
          fmt::format("{:.2f} keys per slot on average.",
                      static_cast<double>(keys) / static_cast<double>(cluster::kSlotCount))};
}

}  // namespace

std::string classic_title(std::string_view text, const Terminal& terminal) {
  return paint(fmt::format(">>> {}", text), Style::kStrong, terminal.colour);
}
std::string classic_ok(std::string_view text, const Terminal& terminal) {
  return paint(fmt::format("[OK] {}", text), Style::kGood, terminal.colour);
}
std::string classic_warning(std::string_view text, const Terminal& terminal) {
  return paint(fmt::format("[WARNING] {}", text), Style::kWarning, terminal.colour);
}
std::string classic_error(std::string_view text, const Terminal& terminal) {
  return paint(fmt::format("[ERR] {}", text), Style::kBad, terminal.colour);
}

Lines classic_node_lines(const NodeSummary& node) {
  Lines lines = {fmt::format("{}: {} {}", node.primary ? 'M' : 'S', node.id, to_string(node.address)),
                 fmt::format("   slots:{}({} slots) {}{}", slots_text(node.slots), cluster::count(node.slots),
                             node.primary ? "master" : "slave", node.answers ? "" : ",fail")};
  if (!node.primary) lines.push_back(fmt::format("   replicates {}", node.primary_id));
  if (node.replicas > 0) lines.push_back(fmt::format("   {} additional replica(s)", node.replicas));
  return lines;
}

Lines classic_totals_lines(const std::vector<NodeSummary>& nodes, const Terminal& terminal) {
  Lines lines;
  ClusterTotals sum = totals(nodes);
  for (const NodeSummary& node : nodes) {
    if (!node.primary) continue;
    lines.push_back(
        total_line(to_string(node.address), node.id, node.keys, cluster::count(node.slots), node.replicas));
  }
  for (std::string& line : sums(sum.keys, static_cast<size_t>(sum.primaries), terminal))
    lines.push_back(std::move(line));
  return lines;
}

Lines classic_check_lines(const admin::CheckResult& result, const std::string& seed,
                          const Terminal& terminal) {
  Lines lines = {classic_title(fmt::format("Performing Cluster Check (using node {})", seed), terminal)};
  for (const NodeSummary& node : summarize(result.observed)) {
    for (std::string& line : classic_node_lines(node)) lines.push_back(std::move(line));
  }
  for (std::string& line : finding_sections(result.findings, terminal)) lines.push_back(std::move(line));
  return lines;
}

Lines classic_info_lines(const admin::ClusterInfo& info, const Terminal& terminal) {
  Lines lines;
  for (const admin::PrimaryInfo& node : info.primaries)
    lines.push_back(total_line(to_string(node.address), node.id, node.keys, node.slots, node.replicas));
  for (std::string& line : sums(info.keys, info.primaries.size(), terminal)) lines.push_back(std::move(line));
  return lines;
}

Lines classic_placement_lines(const admin::CreateOptions& options, const cluster::Placement& placement,
                              const Terminal& terminal) {
  Lines lines = {classic_title(
      fmt::format("Performing hash slots allocation on {} nodes...", options.nodes.size()), terminal)};
  int shards = static_cast<int>(placement.shards.size());
  for (int i = 0; i < shards; ++i) {
    cluster::SlotRange range = cluster::even_range(i, shards);
    lines.push_back(fmt::format("Master[{}] -> Slots {} - {}", i, range.first, range.last));
  }
  for (const cluster::PlacedShard& shard : placement.shards) {
    for (const std::string& replica : shard.replicas)
      lines.push_back(fmt::format("Adding replica {} to {}", replica, shard.primary));
  }
  return lines;
}

Lines classic_reshard_lines(const admin::MovePlan& plan, const std::vector<NodeSummary>& nodes,
                            const Terminal& terminal) {
  Lines lines = {"", fmt::format("Ready to move {} slots.", plan.slots())};
  std::vector<std::string> sources;
  std::vector<std::string> targets;
  auto once = [](std::vector<std::string>& ids, const std::string& id) {
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
  };
  for (const admin::PlannedMove& move : plan.moves) {
    once(sources, move.from_id);
    once(targets, move.to_id);
  }
  for (const auto& [title, ids] :
       {std::pair{"  Source nodes:", &sources}, {"  Destination node:", &targets}}) {
    lines.emplace_back(title);
    for (const std::string& id : *ids) {
      const NodeSummary* node = find_summary(nodes, id);
      if (node == nullptr) continue;
      for (const std::string& line : classic_node_lines(*node)) lines.push_back("    " + line);
    }
  }
  lines.emplace_back("  Resharding plan:");
  for (const admin::PlannedMove& move : plan.moves) {
    for (const cluster::SlotRange& range : move.slots) {
      lines.push_back(
          range.first == range.last
              ? fmt::format("    Moving slot {} from {}", range.first, move.from_id)
              : fmt::format("    Moving slot range {}-{} from {}", range.first, range.last, move.from_id));
    }
  }
  for (std::string& line : plan_lines(plan, terminal)) lines.push_back(std::move(line));
  return lines;
}

Lines classic_rebalance_lines(const admin::MovePlan& plan, const Terminal& terminal) {
  Lines lines;
  for (const admin::PlannedMove& move : plan.moves) {
    lines.push_back(fmt::format("Moving {} slots from {} to {}", cluster::count(move.slots),
                                to_string(move.from), to_string(move.to)));
  }
  for (const std::string& key : plan.big_keys) lines.push_back(classic_warning(printable(key), terminal));
  return lines;
}

Lines classic_reply_lines(const std::vector<admin::NodeReply>& replies) {
  Lines lines;
  for (const admin::NodeReply& reply : replies) {
    std::string text = reply.error ? reply.error->message : plain_reply(reply.reply);
    lines.push_back(fmt::format("{}: {}", to_string(reply.address), text));
  }
  return lines;
}

Lines classic_set_timeout_lines(const std::vector<admin::NodeReply>& replies, const Terminal& terminal) {
  Lines lines = {classic_title("Reconfiguring node timeout in every cluster node...", terminal)};
  int64_t errors = 0;
  for (const admin::NodeReply& reply : replies) {
    std::string address = to_string(reply.address);
    if (!failed(reply)) {
      lines.push_back(fmt::format("*** New timeout set for {}", address));
      continue;
    }
    ++errors;
    std::string why = reply.error ? reply.error->message : reply.reply.text;
    lines.push_back(paint(fmt::format("ERR setting node-timeout for {}: {}", address, printable(why)),
                          Style::kBad, terminal.colour));
  }
  lines.push_back(classic_title(fmt::format("New node timeout set. {} OK, {} ERR.",
                                            static_cast<int64_t>(replies.size()) - errors, errors),
                                terminal));
  return lines;
}

}  // namespace keyway::cli
