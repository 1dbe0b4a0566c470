#include "cli/cluster/summary.h"

#include <algorithm>
#include <tuple>

#include "base/format.h"
#include "cluster/ownership.h"

namespace keyway::cli {

namespace {

constexpr size_t kShortIdLength = 8;

std::string note_of(const cluster::NodeFacts& node) {
  switch (node.reach) {
    case cluster::Reach::kAnswering:
      return "";
    case cluster::Reach::kLoading:
      return "loads its data";
    case cluster::Reach::kDenied:
      return "refuses the password";
    case cluster::Reach::kSilent:
      return "does not answer";
  }
  return "";
}

NodeSummary summary_of(const cluster::NodeFacts& node, const cluster::Knowledge& knowledge) {
  NodeSummary summary;
  summary.id = cluster::effective_id(node);
  summary.address = node.address;
  summary.zone = node.server.zone;
  summary.version = node.server.version;
  summary.answers = node.reach == cluster::Reach::kAnswering;
  summary.note = note_of(node);
  if (summary.answers) {
    summary.keys = node.server.keys;
    summary.memory_bytes = node.server.memory_bytes;
  }
  if (const cluster::KnownNode* known = knowledge.find(summary.id)) {
    summary.primary = known->view.primary;
    summary.primary_id = known->view.primary_id;
    summary.slots = known->view.slots;
  }
  return summary;
}

}  // namespace

std::vector<NodeSummary> summarize(const cluster::Observed& observed) {
  cluster::Knowledge knowledge(observed);
  std::vector<NodeSummary> nodes;
  for (const cluster::NodeFacts& node : observed.nodes) nodes.push_back(summary_of(node, knowledge));
  std::vector<NodeSummary> ordered;
  auto order = [](const NodeSummary& node) {
    return std::tuple(node.slots.empty(), node.slots.empty() ? 0 : node.slots.front().first, node.address);
  };
  std::ranges::sort(nodes, {}, order);
  for (NodeSummary& primary : nodes) {
    if (!primary.primary) continue;
    auto follows = [&](const NodeSummary& node) { return !node.primary && node.primary_id == primary.id; };
    primary.replicas = static_cast<int>(std::ranges::count_if(nodes, follows));
    ordered.push_back(primary);
    std::ranges::copy_if(nodes, std::back_inserter(ordered), follows);
  }
  std::ranges::copy_if(nodes, std::back_inserter(ordered), [&](const NodeSummary& node) {
    auto followed = [&](const NodeSummary& other) { return other.primary && other.id == node.primary_id; };
    return !node.primary && std::ranges::none_of(nodes, followed);
  });
  return ordered;
}

ClusterTotals totals(const std::vector<NodeSummary>& nodes) {
  ClusterTotals sum;
  for (const NodeSummary& node : nodes) {
    (node.primary ? sum.primaries : sum.replicas) += 1;
    sum.slots += cluster::count(node.slots);
    if (node.primary) sum.keys += node.keys;
  }
  return sum;
}

const NodeSummary* find_summary(const std::vector<NodeSummary>& nodes, std::string_view id) {
  auto found = std::ranges::find(nodes, id, &NodeSummary::id);
  return found == nodes.end() ? nullptr : &*found;
}

std::string short_id(std::string_view id) { return std::string(id.substr(0, kShortIdLength)); }

std::string short_slots(const cluster::SlotRanges& slots, size_t max_ranges) {
  std::string text;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (i == max_ranges) return text + fmt::format(" and {} more", slots.size() - i);
    if (i > 0) text += ',';
    text += slots[i].first == slots[i].last ? fmt::format("{}", slots[i].first)
                                            : fmt::format("{}-{}", slots[i].first, slots[i].last);
  }
  return text;
}

std::string grouped(int64_t number) {
  std::string digits = std::to_string(number < 0 ? -number : number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return number < 0 ? "-" + text : text;
}

}  // namespace keyway::cli
