// plan: what a change would do, why, and what it costs. Touches nothing.
#include <algorithm>

#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/clusters.h"
#include "cli/commands.h"
#include "cli/estimate.h"
#include "cli/foresee.h"
#include "cli/observer.h"
#include "cli/spec_source.h"

namespace keyway::cli {

namespace {

constexpr int64_t kAskTimeoutMs = 5000;

struct Planned {
  std::string name;
  Foresight foresight;
  std::vector<Cost> costs;  // of each step
  Cost total;
};

// The number after "used_memory_dataset:" in INFO memory; 0 if there is none.
int64_t dataset_bytes(const std::string& info) {
  constexpr std::string_view name = "used_memory_dataset:";
  size_t at = info.find(name);
  if (at == std::string::npos) return 0;
  std::string_view rest = std::string_view(info).substr(at + name.size());
  return parse_int(trim(rest.substr(0, rest.find('\n')))).value_or(0);
}

// The slots that a shard holds now and that some step would move from anywhere.
std::vector<size_t> slots_to_count(const reconcile::ShardStatus& shard, const cluster::SlotSet& moving) {
  cluster::SlotSet counted = cluster::to_set(shard.slots) & moving;
  std::vector<size_t> slots;
  for (size_t slot = 0; slot < counted.size(); ++slot) {
    if (counted.test(slot)) slots.push_back(slot);
  }
  return slots;
}

cluster::SlotSet moving_slots(const Foresight& foresight) {
  cluster::SlotSet moving;
  for (const ForeseenStep& step : foresight.steps) {
    if (const auto* move = std::get_if<cluster::MoveSlots>(&step.step.action))
      moving |= cluster::to_set(move->slots);
  }
  return moving;
}

// Asks each primary, all at once, how much it holds, and how many keys there are in each slot that would
// move.
DataSizes ask_sizes(Observer& observer, const Seen& seen, const Foresight& foresight) {
  DataSizes sizes;
  cluster::SlotSet moving = moving_slots(foresight);
  std::vector<engine::Request> requests;
  std::vector<const reconcile::ShardStatus*> shards;
  std::vector<std::vector<size_t>> slots;
  for (const reconcile::ShardStatus& shard : seen.status.shards) {
    const cluster::NodeFacts* node = shard.primary ? seen.observed.find(shard.primary->name) : nullptr;
    if (node == nullptr) continue;
    engine::Request request{node->address, {{"INFO", "memory"}}};
    slots.push_back(slots_to_count(shard, moving));
    for (size_t slot : slots.back())
      request.commands.push_back({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)});
    requests.push_back(std::move(request));
    shards.push_back(&shard);
  }
  std::vector<engine::Response> responses = observer.servers().exchange(requests, kAskTimeoutMs);
  for (size_t i = 0; i < responses.size(); ++i) {
    const std::vector<resp::Reply>& replies = responses[i].replies;
    if (replies.empty()) continue;
    sizes.shards[shards[i]->name] = {shards[i]->primary->keys, dataset_bytes(replies[0].text)};
    for (size_t j = 1; j < replies.size(); ++j) {
      sizes.keys_in_slot[slots[i][j - 1]] = std::max<int64_t>(0, replies[j].integer);
      sizes.shard_of_slot[slots[i][j - 1]] = shards[i]->name;
    }
  }
  return sizes;
}

std::string cost_text(const Cost& cost) {
  std::vector<std::string> parts;
  if (cost.keys > 0) parts.push_back(count_of(cost.keys, "key"));
  if (cost.size_bytes > 0) parts.push_back(human_bytes(cost.size_bytes));
  parts.push_back("about " + human_duration(cost.duration_ms));
  return join(parts, ", ");
}

std::vector<std::string> plan_lines(const Planned& planned, const Terminal& terminal) {
  std::vector<std::string> lines;
  const Foresight& foresight = planned.foresight;
  if (foresight.steps.empty() && foresight.converged) {
    return {fmt::format("Nothing to do: cluster \"{}\" is as the spec says.", planned.name)};
  }
  int stage = 0;
  for (size_t i = 0; i < foresight.steps.size(); ++i) {
    const ForeseenStep& step = foresight.steps[i];
    if (step.stage != stage)
      lines.push_back(paint(fmt::format("Stage {}", step.stage), Style::kStrong, terminal.colour));
    stage = step.stage;
    std::string shard = step.step.shard.empty() ? "all" : step.step.shard;
    lines.push_back(fmt::format("  {:<4} {}: {} ({})", shard, cluster::describe(step.step.action),
                                printable(step.step.reason), cost_text(planned.costs[i])));
  }
  for (const cluster::Problem& problem : foresight.problems) {
    lines.push_back(paint("! " + printable(problem.text), Style::kBad, terminal.colour));
  }
  if (!foresight.converged) {
    for (const std::string& waiting : foresight.waiting)
      lines.push_back(fmt::format("then waits: {}", printable(waiting)));
  }
  lines.emplace_back();
  lines.push_back(fmt::format("{} in {}: {}. Nothing was touched.",
                              count_of(static_cast<int64_t>(foresight.steps.size()), "step"),
                              count_of(stage, "stage"), cost_text(planned.total)));
  lines.push_back(paint(how_estimated(), Style::kFaint, terminal.colour));
  return lines;
}

void step_json(JsonText& json, const ForeseenStep& step, const Cost& cost) {
  json.open_object();
  json.number("stage", step.stage);
  json.text("shard", step.step.shard);
  json.text("kind", cluster::kind(step.step.action));
  json.text("node", cluster::node_of(step.step.action));
  json.text("text", cluster::describe(step.step.action));
  json.text("reason", step.step.reason);
  json.boolean("disruptive", cluster::disruptive(step.step.action));
  json.number("keys", cost.keys);
  json.number("size_bytes", cost.size_bytes);
  json.number("duration_ms", cost.duration_ms);
  json.close();
}

std::string plan_json(const Planned& planned) {
  JsonText json;
  json.open_object();
  json.text("name", planned.name);
  json.boolean("converged", planned.foresight.converged);
  json.open_array("steps");
  for (size_t i = 0; i < planned.costs.size(); ++i)
    step_json(json, planned.foresight.steps[i], planned.costs[i]);
  json.close();
  json.number("keys", planned.total.keys);
  json.number("size_bytes", planned.total.size_bytes);
  json.number("duration_ms", planned.total.duration_ms);
  json.text("estimate", how_estimated());
  json.open_array("problems");
  for (const cluster::Problem& problem : planned.foresight.problems) json.text("", problem.text);
  json.close();
  json.open_array("waiting");
  for (const std::string& waiting : planned.foresight.waiting) json.text("", waiting);
  json.close();
  json.close();
  return json.take();
}

Result<Planned> make_plan(const Chosen& cluster, const cluster::Spec& spec, const std::string& home) {
  Result<Observer> observer = Observer::open(home, cluster.name);
  if (!observer) return fail(observer.error());
  Result<Seen> seen = observer->look();
  if (!seen) return fail(seen.error());
  auto preview = observer->platform().preview(spec, seen->observed);
  if (!preview) return fail(preview.error());
  Planned planned;
  planned.name = cluster.name;
  planned.foresight = foresee(preview->desired, preview->observed, observer->platform().wall_ms());
  DataSizes sizes = ask_sizes(*observer, *seen, planned.foresight);
  for (const ForeseenStep& step : planned.foresight.steps) planned.costs.push_back(cost_of(step, sizes));
  planned.total = total_cost(planned.foresight.steps, planned.costs);
  return planned;
}

}  // namespace

Outcome run(const PlanCommand& command, Context& context) {
  Result<std::optional<cluster::Spec>> document = read_spec_file(command.file);
  if (!document) return fail(document.error());
  std::string name = command.cluster.empty() && *document ? (*document)->name : command.cluster;
  Result<Chosen> cluster = choose_cluster(context.home, name);
  if (!cluster) return fail(cluster.error());
  Result<cluster::Spec> spec = changed_spec(cluster->state.spec, *document, command.flags);
  if (!spec) return fail(spec.error());
  Result<Planned> planned = make_plan(*cluster, *spec, context.home);
  if (!planned) return fail(planned.error());
  if (context.output.json()) {
    context.output.print(plan_json(*planned));
  } else {
    context.output.print_lines(plan_lines(*planned, context.output.out()));
  }
  return kExitDone;
}

}  // namespace keyway::cli
