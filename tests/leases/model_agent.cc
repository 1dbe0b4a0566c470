#include "model_agent.h"

#include "agent/server_process.h"
#include "engine/observe.h"
#include "simulation/server.h"

namespace keyway::simulation {

namespace {

// As in agent.cc and agent_end.cc.
constexpr int64_t kSteadyMs = 250;
constexpr int64_t kUnsteadyMs = 50;
constexpr int64_t kObserveMs = 400;
constexpr int64_t kSleptMs = 1000;
constexpr int64_t kShutdownMs = 1000;
constexpr int64_t kAgainMs = 10'000;
constexpr int64_t kHandoverMs = 25'000;
constexpr int64_t kWayUs = 150;

agent::ClerkOptions clerk_options(const agent::Settings& settings) {
  agent::ClerkOptions options;
  options.lease = settings.shard;
  options.identity = settings.identity();
  options.pod = settings.pod;
  options.shard = settings.shard;
  return options;
}

agent::Settings settings_of(const Place& place, int replicas, int life) {
  agent::Settings settings;
  settings.pod = place.name;
  settings.pod_uid = std::to_string(life);
  settings.mode = cluster::Mode::kReplicated;
  settings.shard = place.shard;
  settings.replicas = replicas;
  settings.server = place.address;
  settings.data_folder = "/nonexistent";
  return settings;
}

}  // namespace

void FiberServers::wait(int64_t deadline_us) {
  waiting_ = fibers_.current();
  while (!all_answered() && fibers_.wait_until(deadline_us)) {
  }
  waiting_ = -1;
  if (all_answered()) fibers_.sleep_us(kWayUs);
}

void FiberServers::answered() {
  if (waiting_ >= 0) fibers_.wake(waiting_);
}

ModelDesk::ModelDesk(World& world, Fibers& fibers, Api& api, int place, const agent::ClerkOptions& options)
    : world_(world), fibers_(fibers), registry_(api, place), clerk_(registry_, options) {
  fiber_ = fibers_.begin([this] { work(); });
}

void ModelDesk::work() {
  for (;;) {
    agent::Wish wish = wish_;
    uint64_t number = wishes_;
    int64_t due_ms = clerk_.step(wish, world_.now_us() / 1000);
    view_ = clerk_.view();
    acted_on_ = number;
    int64_t until_us = std::max(due_ms * 1000, world_.now_us() + 1000);
    while (wishes_ == number && fibers_.wait_until(until_us)) {
    }
  }
}

void ModelDesk::wish(const agent::Wish& wish) {
  if (wish == wish_ && wishes_ > 0) return;
  wish_ = wish;
  ++wishes_;
  fibers_.wake(fiber_);
}

void ModelDesk::settle(int64_t timeout_ms) {
  int64_t deadline_us = world_.now_us() + timeout_ms * 1000;
  uint64_t until = wishes_;
  while (acted_on_ < until && world_.now_us() < deadline_us) fibers_.sleep_us(1000);
}

ModelAgent::ModelAgent(World& world, Fibers& fibers, Api& api, int place, int replicas, int life)
    : world_(world),
      fibers_(fibers),
      place_(place),
      settings_(settings_of(world.place(place), replicas, life)),
      servers_(world, interrupter_, fibers, place),
      desk_(world, fibers, api, place, clerk_options(settings_)) {
  state_.pod = state_.node.name = settings_.pod;
  state_.shard = state_.node.shard = settings_.shard;
  state_.mode = settings_.mode;
  state_.node.address = settings_.server;
  agent::Workplace workplace{settings_,
                             servers_,
                             &desk_,
                             program_,
                             [] { return engine::Credentials{}; },
                             [this] { return now_ms(); }};
  duty_ = agent::make_replicated_duty(workplace);
  had_server_ = server() != nullptr;
  fiber_ = fibers_.begin([this] { live(); });
}

void ModelAgent::pause() {
  fibers_.pause(fiber_);
  fibers_.pause(desk_.fiber());
}

void ModelAgent::resume() {
  fibers_.resume(fiber_);
  fibers_.resume(desk_.fiber());
}

void ModelAgent::kill() {
  gone_ = true;
  fibers_.end(fiber_);
  fibers_.end(desk_.fiber());
}

void ModelAgent::live() {
  for (;;) {
    int64_t rest_ms = turn();
    if (stop_us_ != 0 && server() == nullptr) break;
    fibers_.sleep_us(rest_ms * 1000);
  }
  duty_->leave();
  gone_ = true;
  fibers_.end(desk_.fiber());
}

int64_t ModelAgent::turn() {
  int64_t slept_ms = ticked_ms_ == 0 ? 0 : now_ms() - ticked_ms_;
  ticked_ms_ = now_ms();
  bool stopping = stop_us_ != 0;
  if (slept_ms > kSleptMs && server() != nullptr && !stopping) duty_->woke_up(state_, slept_ms);
  take_end();
  if (server() == nullptr && !stopping) start();
  look();
  if (!stopping) {
    agent::Tended tended = duty_->tend(state_, now_ms());
    unsteady_ = tended.unsteady;
    if (tended.kill_server && server() != nullptr) {
      if (world_.tracing) world_.trace(settings_.pod + ": its server does not listen and is killed");
      world_.end(place_, Exit::kKilled);
    }
  } else if (server() != nullptr) {
    stop();
  }
  return unsteady_ || stopping ? kUnsteadyMs : kSteadyMs;
}

void ModelAgent::take_end() {
  if (!had_server_ || server() != nullptr) return;
  had_server_ = false;
  state_.node.process = cluster::Process::kStopped;
  not_before_ms_ = now_ms() + agent::restart_pause_ms(failures_++);
}

void ModelAgent::start() {
  if (now_ms() < not_before_ms_) return;
  if (!duty_->prepare({now_ms(), false, false, failures_}, state_.waiting_for)) return;
  Launch launch;
  launch.hold = true;
  world_.launch(place_, launch);
  had_server_ = true;
}

void ModelAgent::look() {
  cluster::NodeFacts& node = state_.node;
  node.process = server() != nullptr ? cluster::Process::kRunning : cluster::Process::kStopped;
  if (server() == nullptr) {
    node.reach = cluster::Reach::kSilent;
    node.silent_ms = silent_since_ms_ = 0;
    return;
  }
  engine::Response response = std::move(
      servers_.exchange({{settings_.server, engine::questions(settings_.mode)}}, kObserveMs).front());
  engine::take_answers(settings_.mode, response, node);
  bool silent = node.reach == cluster::Reach::kSilent;
  if (node.answering()) failures_ = 0;
  if (!silent) silent_since_ms_ = 0;
  if (silent && silent_since_ms_ == 0) silent_since_ms_ = now_ms();
  node.silent_ms = silent ? now_ms() - silent_since_ms_ : 0;
}

void ModelAgent::stop() {
  if (!handover_) handover_.emplace(settings_.mode, servers_, now_ms() + kHandoverMs);
  bool primary = state_.node.answering() && state_.node.server.role == cluster::Role::kPrimary;
  bool handing_over = state_.phase == agent::Phase::kHandingOver;
  if (!handover_->ended() && (primary || handing_over)) {
    state_.phase = agent::Phase::kHandingOver;
    handover_->step(duty_->handover_sight(state_, now_ms()));
    duty_->handing_over(*handover_, state_);
    return;
  }
  state_.phase = agent::Phase::kStopping;
  duty_->handing_over(*handover_, state_);
  tell_server_to_end();
}

void ModelAgent::tell_server_to_end() {
  if (told_ms_ != 0 && now_ms() - told_ms_ <= kAgainMs) return;
  told_ms_ = now_ms();
  const cluster::NodeFacts& node = state_.node;
  bool replica = node.server.role == cluster::Role::kReplica;
  bool partial = replica && (node.server.syncing || (node.server.keys == 0 && !node.server.link_up));
  if (!node.answering()) {
    if (server() != nullptr) server()->close(true);
    return;
  }
  (void)servers_.call(settings_.server, {"SHUTDOWN", partial ? "NOSAVE" : "SAVE"}, kShutdownMs);
}

}  // namespace keyway::simulation
