#include "cli/kubectl/status.h"

#include <algorithm>

#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/status_view.h"
#include "cli/table.h"
#include "cluster/slots.h"
#include "platform/kubernetes/names.h"

namespace keyway::cli {

namespace kubernetes = platform::kubernetes;
using kubernetes::PodView;

namespace {

bool all_ready(const PodShard& shard) {
  return std::ranges::all_of(shard.pods, [](const PodView& pod) { return health_of(pod) == "ok"; });
}

// Of a container that keeps its pod from being ready; empty: none says.
std::string reason_of(const std::vector<kubernetes::ContainerView>& containers) {
  for (const kubernetes::ContainerView& container : containers) {
    if (!container.waiting_reason.empty()) return container.waiting_reason;
    if (!container.ready && !container.running && container.exit_code != 0 &&
        !container.terminated_reason.empty())
      return container.terminated_reason;
  }
  return {};
}

// Why, for people; empty: nothing more is known than the health.
std::string note_of(const PodView& pod) {
  if (!pod.unscheduled_reason.empty()) return pod.unscheduled_reason;
  for (const auto* containers : {&pod.init_containers, &pod.containers}) {
    for (const kubernetes::ContainerView& container : *containers) {
      if (!container.waiting_message.empty()) return container.waiting_message;
    }
  }
  return {};
}

int64_t restarts_of(const PodView& pod) {
  int64_t restarts = 0;
  for (const kubernetes::ContainerView& container : pod.containers) restarts += container.restarts;
  return restarts;
}

std::string role_of(const PodShard& shard, const PodView& pod) {
  if (pod.meta.name == shard.primary()) return "primary";
  std::string_view label = pod.meta.label(kubernetes::kShardRoleLabel);
  return label == kubernetes::kShardRoleReplica ? "replica" : "-";
}

// The primary first.
std::vector<const PodView*> in_order(const PodShard& shard) {
  std::vector<const PodView*> pods;
  for (const PodView& pod : shard.pods) pods.push_back(&pod);
  std::ranges::stable_partition(pods, [&](const PodView* pod) { return pod->meta.name == shard.primary(); });
  return pods;
}

std::string slots_text(const PodCluster& cluster, const PodShard& shard) {
  bool told = cluster.mode == cluster::Mode::kSharded && shard.report;
  return told ? std::to_string(shard.report->slots) : "";
}

Table pod_table(const PodCluster& cluster) {
  Table table({{"SHARD"},
               {"SLOTS", true, 3},
               {"POD"},
               {"ROLE"},
               {"ADDRESS", false, 1},
               {"NODE", false, 2},
               {"RESTARTS", true, 4},
               {"HEALTH"}});
  for (const auto& [name, shard] : cluster.shards) {
    bool first = true;
    for (const PodView* pod : in_order(shard)) {
      std::string role = role_of(shard, *pod);
      std::string health = health_of(*pod);
      Style style = role == "primary" ? Style::kStrong : Style::kPlain;
      table.add({{first ? name : "", Style::kStrong},
                 {first ? slots_text(cluster, shard) : ""},
                 {pod->meta.name},
                 {role, style},
                 {pod->ip.empty() ? "-" : fmt::format("{}:{}", pod->ip, kubernetes::kServerPort)},
                 {pod->node},
                 {std::to_string(restarts_of(*pod))},
                 {health, style_of(health)}});
      first = false;
    }
    if (first) table.add({{name, Style::kStrong}, {slots_text(cluster, shard)}, {"-"}});
  }
  return table;
}

std::string bullet(const Terminal& terminal) { return terminal.utf8 ? "→" : ">"; }

void add_remarks(std::vector<std::string>& lines, const PodCluster& cluster, const Terminal& terminal) {
  for (const auto& [name, shard] : cluster.shards) {
    for (const PodView& pod : shard.pods) {
      std::string note = note_of(pod);
      if (!note.empty()) lines.push_back(fmt::format("{}: {}", pod.meta.name, printable(note)));
    }
  }
  for (const kubernetes::Report& report : cluster.reports) {
    if (!report.doing.empty())
      lines.push_back(fmt::format("{} {}", bullet(terminal), printable(report.doing)));
    for (const kubernetes::Report::Problem& problem : report.problems) {
      std::string text =
          problem.shard.empty() ? problem.text : fmt::format("{}: {}", problem.shard, problem.text);
      lines.push_back(paint("! " + printable(text), Style::kBad, terminal.colour));
    }
  }
  if (cluster.reports.empty())
    lines.push_back(paint("The agents have not reported; roles are those of the pods' labels.", Style::kFaint,
                          terminal.colour));
}

void add_pod(JsonText& json, const PodShard& shard, const PodView& pod) {
  json.open_object();
  json.text("name", pod.meta.name);
  json.text("role", role_of(shard, pod));
  json.text("address", pod.ip.empty() ? "" : fmt::format("{}:{}", pod.ip, kubernetes::kServerPort));
  json.text("node", pod.node);
  json.boolean("ready", pod.ready);
  json.number("restarts", restarts_of(pod));
  json.text("health", health_of(pod));
  json.text("note", note_of(pod));
  json.close();
}

void add_reports(JsonText& json, const PodCluster& cluster) {
  json.open_array("doing");
  for (const kubernetes::Report& report : cluster.reports) {
    if (!report.doing.empty()) json.text("", report.doing);
  }
  json.close();
  json.open_array("problems");
  for (const kubernetes::Report& report : cluster.reports) {
    for (const kubernetes::Report::Problem& problem : report.problems) {
      json.open_object();
      json.text("code", problem.code);
      json.text("shard", problem.shard);
      json.text("text", problem.text);
      json.close();
    }
  }
  json.close();
}

}  // namespace

std::string health_of(const PodView& pod) {
  if (pod.meta.deleting) return "ending";
  if (pod.ready) return "ok";
  if (!pod.unscheduled_reason.empty()) return "unscheduled";
  for (const auto* containers : {&pod.init_containers, &pod.containers}) {
    std::string reason = reason_of(*containers);
    if (!reason.empty()) return reason;
  }
  return pod.phase == "Running" ? "not ready" : to_lower(pod.phase);
}

std::string state_of(const PodCluster& cluster) {
  bool formed = !cluster.shards.empty();
  bool primaries = true;
  bool ready = true;
  bool changing = false;
  for (const auto& [name, shard] : cluster.shards) {
    primaries = primaries && !shard.primary().empty();
    ready = ready && !shard.pods.empty() && all_ready(shard);
  }
  for (const kubernetes::Report& report : cluster.reports) {
    formed = formed && report.formed;
    bool covered = cluster.mode == cluster::Mode::kReplicated || report.slots_served == cluster::kSlotCount;
    primaries = primaries && covered;
    ready = ready && report.problems.empty();
    changing = changing || !report.doing.empty();
  }
  if (!formed) return "creating";
  if (!primaries) return "down";
  if (!ready) return "degraded";
  return changing ? "changing" : "ready";
}

std::vector<std::string> pod_status_lines(const PodCluster& cluster, const Terminal& terminal) {
  std::string state = state_of(cluster);
  int64_t pods = 0;
  for (const auto& [name, shard] : cluster.shards) pods += std::ssize(shard.pods);
  bool sharded = cluster.mode == cluster::Mode::kSharded;
  std::string shards = sharded ? count_of(std::ssize(cluster.shards), "shard") + ", " : "";
  std::vector<std::string> lines = {
      fmt::format("{}  {}  {}, {}{}{}", paint(cluster.name, Style::kStrong, terminal.colour),
                  paint(state, style_of(state), terminal.colour), sharded ? "sharded" : "replicated", shards,
                  count_of(pods, "pod"), cluster.object.empty() ? ", without an operator" : ""),
      ""};
  for (std::string& line : pod_table(cluster).render(terminal)) lines.push_back(std::move(line));
  size_t before = lines.size();
  lines.emplace_back();
  add_remarks(lines, cluster, terminal);
  if (lines.size() == before + 1) lines.pop_back();
  return lines;
}

std::string pod_status_json(const PodCluster& cluster) {
  JsonText json;
  json.open_object();
  json.text("name", cluster.name);
  json.text("mode", cluster.mode == cluster::Mode::kSharded ? "sharded" : "replicated");
  json.text("state", state_of(cluster));
  json.boolean("operator", !cluster.object.empty());
  json.open_array("shards");
  for (const auto& [name, shard] : cluster.shards) {
    json.open_object();
    json.text("name", name);
    json.text("primary", shard.primary());
    shard.report ? json.number("slots", shard.report->slots) : json.null("slots");
    shard.report ? json.number("replicas_in_sync", shard.report->replicas_in_sync)
                 : json.null("replicas_in_sync");
    json.open_array("pods");
    for (const PodView* pod : in_order(shard)) add_pod(json, shard, *pod);
    json.close();
    json.close();
  }
  json.close();
  add_reports(json, cluster);
  json.close();
  return json.take();
}

}  // namespace keyway::cli
