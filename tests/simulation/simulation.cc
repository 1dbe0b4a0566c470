#include "simulation.h"

#include <algorithm>
#include <memory>

#include "checker.h"
#include "faults.h"
#include "info_text.h"
#include "model_platform.h"
#include "model_servers.h"
#include "reconcile/loop.h"
#include "server.h"
#include "workload.h"
#include "world.h"

namespace keyway::simulation {
namespace {

constexpr int64_t kSettleLimitUs = 240'000'000;  // after the faults
constexpr int64_t kRepairAfterUs = 20'000'000;   // a person looks after what only a person can
constexpr int64_t kWriterCheckUs = 500'000;
constexpr int kSettledTicks = 2;

class Run {
 public:
  Run(const Scenario& scenario, const RunOptions& options)
      : scenario_(scenario),
        world_(scenario.seed ^ 0x5eed, scenario.settings),
        platform_owner_(options.make_platform ? options.make_platform(world_, interrupter_)
                                              : std::make_unique<ModelPlatform>(world_, interrupter_)),
        platform_(*platform_owner_),
        servers_(world_, interrupter_),
        faults_(world_, platform_, interrupter_),
        workload_(world_, platform_),
        checker_(world_, platform_) {
    world_.tracing = options.trace;
    world_.make_keys(scenario.keys);
    world_.on_exit = [this](int place, int, Exit exit) {
      servers_.peer_gone(place);
      platform_.note_exit(place, exit);
      woken_ = true;
    };
    platform_.apply(scenario.spec);
  }

  RunResult run() {
    if (world_.tracing) world_.trace(fmt::format("seed {}: {}", scenario_.seed, describe(scenario_)));
    faults_.schedule(scenario_);
    workload_.start(scenario_.write_every_us);
    watch_writers();
    turn_until(scenario_.faults_end_us);
    if (world_.tracing) world_.trace("--- peace");
    faults_.heal();
    settle();
    result_.failure = world_.ledger.failure();
    result_.steps = checker_.steps();
    result_.writes = workload_.writes();
    result_.acknowledged = world_.ledger.acknowledged_count();
    result_.forgiven = world_.ledger.forgiven_count();
    result_.virtual_us = world_.now_us();
    return std::move(result_);
  }

 private:
  bool failed() const { return world_.ledger.failure().has_value(); }

  void watch_writers() {
    checker_.check_writers();
    world_.scheduler.after(kWriterCheckUs, [this] { watch_writers(); });
  }

  void turn_until(int64_t end_us) {
    while (!failed() && world_.now_us() < end_us) turn(end_us);
  }

  // One tick of the loop and the time until the next. The supervisor may end in the middle, or not be there.
  const reconcile::Tick* turn(int64_t end_us) {
    tick_.reset();
    if (loop_ == nullptr) {
      reconcile::LoopOptions options;
      options.waiting_ms = scenario_.waiting_ms;
      options.act.move.clock_ms = [this] { return world_.scheduler.now_ms(); };
      options.act.move.pause_ms = [this](int64_t pause_ms) {
        world_.scheduler.run_until(world_.now_us() + pause_ms * 1000);
      };
      loop_ = std::make_unique<reconcile::Loop>(platform_, servers_, options);
    }
    woken_ = false;
    try {
      tick_ = std::make_unique<reconcile::Tick>(loop_->tick());
    } catch (const Interrupted&) {
      end_supervisor();
      return nullptr;
    }
    ++result_.ticks;
    trace_tick();
    checker_.check_tick(*tick_);
    // At least a little time passes, so that a loop without waits comes to its end.
    int64_t next_us = world_.now_us() + std::max<int64_t>(tick_->next_ms * 1000, 200);
    int64_t limit_us = std::min(next_us, std::max(end_us, world_.now_us()));
    while (!woken_ && !failed() && !faults_.crash_now && world_.scheduler.step(limit_us)) {
    }
    if (faults_.crash_now) end_supervisor();
    return tick_.get();
  }

  void end_supervisor() {
    ++result_.supervisor_ends;
    if (world_.tracing) world_.trace("the supervisor ends");
    faults_.crash_now = false;
    interrupter_.disarm();
    loop_.reset();
    world_.scheduler.run_until(world_.now_us() + faults_.away_us);
    if (world_.tracing) world_.trace("a new supervisor begins");
  }

  void trace_tick() {
    if (!world_.tracing) return;
    for (const reconcile::Outcome& outcome : tick_->outcomes) {
      world_.trace(fmt::format("keyway: {} ({}){}{}", cluster::describe(outcome.step.action),
                               outcome.step.reason, outcome.detail.empty() ? "" : ": " + outcome.detail,
                               outcome.status ? "" : " FAILED: " + outcome.status.error().message));
    }
    std::string state;
    for (const std::string& text : tick_->plan.waiting) state += "; waits: " + text;
    for (const cluster::Problem& problem : tick_->plan.problems) state += "; PROBLEM: " + problem.text;
    for (const std::string& text : tick_->delayed) state += "; delayed: " + text;
    if (state != last_state_) world_.trace("keyway" + (state.empty() ? ": content" : state));
    last_state_ = state;
  }

  // Phase two: nothing is broken any more.
  void settle() {
    int64_t begun_us = world_.now_us();
    int64_t repair_us = begun_us + kRepairAfterUs;
    int64_t end_us = begun_us + kSettleLimitUs;
    int content = 0;
    bool writing = true;
    std::string why = "the plan is not empty";
    while (!failed() && world_.now_us() < end_us) {
      const reconcile::Tick* tick = turn(end_us);
      if (tick == nullptr) continue;
      if (!tick->plan.problems.empty() && world_.now_us() > repair_us) {
        repair_us = world_.now_us() + kRepairAfterUs;
        if (world_.tracing) world_.trace("a person repairs what can be repaired");
        platform_.repair(tick->plan.problems);
      }
      content = tick->plan.converged() ? content + 1 : 0;
      if (content < kSettledTicks) continue;
      if (writing) {
        // Clients fall silent, so that replicas can be compared with their primaries.
        workload_.stop();
        writing = false;
        content = 0;
        continue;
      }
      std::optional<std::string> wrong = checker_.unsettled(workload_);
      if (!wrong) {
        result_.settled_us = world_.now_us() - begun_us;
        return;
      }
      why = *wrong;
      if (content > 20) break;  // it will not see it any more
    }
    if (failed()) return;
    std::string text = content > 0 ? "Keyway is content, but " + why : "it did not settle: " + last_state();
    world_.ledger.violation(text);
    trace_servers();
  }

  // What each server believes in the end: for the reader of a trace.
  void trace_servers() const {
    for (const ModelPlatform::Node& node : platform_.nodes()) {
      const Server* server = world_.server(node.place);
      if (!world_.tracing || server == nullptr) continue;
      world_.trace(fmt::format("{} ({}, {} keys) prints:\n{}", node.name, node.id, server->total_keys(),
                               server->bus != nullptr ? cluster_nodes_text(*server) : info_text(*server)));
    }
  }

  std::string last_state() const {
    if (tick_ == nullptr) return "no supervisor";
    std::string text;
    if (!tick_->plan.steps.empty()) text += "step: " + cluster::describe(tick_->plan.steps.front().action);
    if (!tick_->outcomes.empty() && !tick_->outcomes.front().status) {
      text += " failed: " + tick_->outcomes.front().status.error().message;
    }
    if (!tick_->plan.waiting.empty()) text += " waits: " + tick_->plan.waiting.front();
    if (!tick_->plan.problems.empty()) text += " problem: " + tick_->plan.problems.front().text;
    return text;
  }

  const Scenario& scenario_;
  Interrupter interrupter_;
  World world_;
  std::unique_ptr<ModelPlatform> platform_owner_;
  ModelPlatform& platform_;
  ModelServers servers_;
  Faults faults_;
  Workload workload_;
  Checker checker_;
  std::unique_ptr<reconcile::Loop> loop_;  // the supervisor; null: it is not there
  std::unique_ptr<reconcile::Tick> tick_;
  bool woken_ = false;
  std::string last_state_;
  RunResult result_;
};

}  // namespace

RunResult run(const Scenario& scenario, const RunOptions& options) { return Run(scenario, options).run(); }

}  // namespace keyway::simulation
