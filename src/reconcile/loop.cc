#include "reconcile/loop.h"

#include <algorithm>
#include <set>

#include "base/format.h"
#include "base/strings.h"
#include "engine/observe.h"

namespace keyway::reconcile {

namespace {

constexpr int64_t kServersTimeoutMs = 15'000;  // cluster-node-timeout of a server that is not told another

// How long an order may take to show. A coordinated handover ordered again begins anew, so it is given the
// time after which the servers themselves give it up.
int64_t time_to_work_ms(const cluster::Action& action) {
  if (const auto* promote = std::get_if<cluster::Promote>(&action)) {
    return promote->kind == cluster::FailoverKind::kCoordinated ? 5500 : 500;
  }
  bool slow =
      std::holds_alternative<cluster::StopNode>(action) || std::holds_alternative<cluster::Meet>(action) ||
      std::holds_alternative<cluster::Follow>(action) || std::holds_alternative<cluster::Forget>(action);
  return slow ? 1000 : 0;
}

}  // namespace

Loop::Loop(platform::Platform& platform, engine::Servers& servers, LoopOptions options)
    : platform_(platform), servers_(servers), options_(std::move(options)) {
  options_.act.memories = std::make_shared<engine::MoveMemories>();
}

Tick Loop::tick() {
  Tick tick;
  tick.desired = platform_.desired();
  tick.observed = platform_.look();
  engine::observe(servers_, tick.desired.mode, tick.observed, options_.observe_timeout_ms);
  note_absence(tick.observed);
  note_roles(tick);
  tick.planned_ms = platform_.wall_ms();
  tick.plan = cluster::plan(tick.desired, tick.observed, options_.policy, tick.planned_ms);
  carry_out(tick);
  tick.next_ms = next_delay_ms(tick);
  return tick;
}

// Facts tell what is; for how long it has been so takes a memory.
void Loop::note_absence(cluster::Observed& observed) {
  Since silent_since;
  Since down_since;
  int64_t now_ms = platform_.monotonic_ms();
  auto lasting_ms = [now_ms](const std::string& node, const Since& before, Since& now) {
    auto found = before.find(node);
    int64_t since_ms = found == before.end() ? now_ms : found->second;
    now[node] = since_ms;
    return now_ms - since_ms;
  };
  for (cluster::NodeFacts& node : observed.nodes) {
    if (node.process == cluster::Process::kStopped) {
      node.down_ms = lasting_ms(node.name, down_since_, down_since);
    } else if (node.running() && node.reach == cluster::Reach::kSilent) {
      node.silent_ms = lasting_ms(node.name, silent_since_, silent_since);
    }
  }
  silent_since_ = std::move(silent_since);
  down_since_ = std::move(down_since);
}

void Loop::note_roles(const Tick& tick) {
  std::map<std::string, cluster::Role> roles;
  Since elected;
  Since demoted;
  auto keep = [](const Since& known, const std::string& node, Since& to) {
    if (auto since = known.find(node); since != known.end()) to.insert(*since);
  };
  for (const cluster::NodeFacts& node : tick.observed.nodes) {
    if (!node.answering()) continue;  // what it knows of votes ends with its process
    auto before = roles_.find(node.name);
    bool changed = before != roles_.end() && before->second != node.server.role;
    keep(elected_, node.name, elected);
    keep(demoted_, node.name, demoted);
    if (changed) {
      Since& since = node.server.role == cluster::Role::kPrimary ? elected : demoted;
      since[node.name] = platform_.monotonic_ms();
    }
    roles[node.name] = node.server.role;
  }
  roles_ = std::move(roles);
  elected_ = std::move(elected);
  demoted_ = std::move(demoted);
}

// A server that ends leaves unanswered what has reached it by then. Clients of one that has handed over learn
// of that by its answers, and have left it a moment later.
int64_t Loop::clients_leave_ms(const cluster::Step& step) const {
  constexpr int64_t kClientsLeaveMs = 100;
  const auto* stop = std::get_if<cluster::StopNode>(&step.action);
  if (stop == nullptr || !stop->graceful) return 0;
  auto demoted = demoted_.find(stop->node);
  if (demoted == demoted_.end()) return 0;
  return std::max<int64_t>(0, demoted->second + kClientsLeaveMs - platform_.monotonic_ms());
}

// Redis counts the votes of an earlier election if that was less than four node timeouts ago
// (clusterHandleSlaveFailover): such a replica takes itself for elected without a new epoch, is made to
// follow again a moment later, and what it has taken meanwhile is lost. Valkey 9 was seen not to.
int64_t Loop::old_votes_ms(const cluster::Step& step, const Tick& tick) const {
  constexpr int64_t kElectionTimeouts = 4;
  constexpr int64_t kMarginMs = 1000;
  const auto* promote = std::get_if<cluster::Promote>(&step.action);
  bool coordinated = promote != nullptr && promote->kind == cluster::FailoverKind::kCoordinated;
  if (!coordinated || tick.desired.mode != cluster::Mode::kSharded) return 0;
  auto elected = elected_.find(promote->node);
  const cluster::NodeFacts* node = tick.observed.find(promote->node);
  if (elected == elected_.end() || node == nullptr || node->server.engine != cluster::EngineKind::kRedis)
    return 0;
  int64_t timeout_ms = kServersTimeoutMs;
  for (const cluster::DesiredShard& shard : tick.desired.shards) {
    auto set = shard.config.find("cluster-node-timeout");
    if (shard.name == step.shard && set != shard.config.end())
      timeout_ms = parse_int(set->second).value_or(kServersTimeoutMs);
  }
  int64_t until_ms = elected->second + kElectionTimeouts * timeout_ms + kMarginMs;
  return std::max<int64_t>(0, until_ms - platform_.monotonic_ms());
}

// Steps of one shard build on each other: after one that failed, or that is not due, the shard's later ones
// are left for the next look. Other shards go on.
void Loop::carry_out(Tick& tick) {
  std::set<std::string> held;
  std::map<std::string, Pause> pauses;  // of steps that are no longer planned, nothing is kept
  for (const cluster::Step& step : tick.plan.steps) {
    if (!step.shard.empty() && held.contains(step.shard)) continue;
    std::string key = cluster::key_of(step.action);
    Pause pause = pauses_[key];
    if (platform_.monotonic_ms() < pause.not_before_ms) {
      if (!pause.last_error.empty())
        tick.delayed.push_back(fmt::format("{}: {}", cluster::describe(step.action), pause.last_error));
      held.insert(step.shard);
      pauses[key] = std::move(pause);
      continue;
    }
    if (int64_t wait_ms = old_votes_ms(step, tick); wait_ms > 0) {
      tick.delayed.push_back(
          fmt::format("{}: it was elected a moment ago, and waits for {} s until those votes "
                      "count no more",
                      cluster::describe(step.action), (wait_ms + 999) / 1000));
      held.insert(step.shard);
      continue;
    }
    if (clients_leave_ms(step) > 0) {
      held.insert(step.shard);
      continue;
    }
    Act done = act(step, tick.desired.mode, tick.observed, servers_, platform_, options_.act);
    int64_t wait_ms = time_to_work_ms(step.action);
    if (!done.status) {
      held.insert(step.shard);
      pause.last_error = done.status.error().message;
      wait_ms = std::min(options_.backoff_min_ms << std::min(pause.failures++, 20), options_.backoff_max_ms);
    }
    pause.not_before_ms = platform_.monotonic_ms() + wait_ms;
    if (wait_ms > 0) pauses[key] = std::move(pause);
    tick.outcomes.push_back({platform_.wall_ms(), step, std::move(done.status), std::move(done.detail)});
  }
  pauses_ = std::move(pauses);
}

int64_t Loop::next_delay_ms(const Tick& tick) const {
  bool acted =
      std::ranges::any_of(tick.outcomes, [](const Outcome& outcome) { return outcome.status.has_value(); });
  if (acted) return 0;
  if (tick.plan.steps.empty() && tick.plan.waiting.empty()) return options_.idle_ms;
  return options_.waiting_ms;
}

}  // namespace keyway::reconcile
