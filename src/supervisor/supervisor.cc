#include "supervisor/supervisor.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/log.h"
#include "base/strings.h"
#include "engine/fleet.h"
#include "platform/local/local_platform.h"
#include "platform/local/resources.h"
#include "reconcile/flight_recorder.h"
#include "reconcile/status.h"
#include "supervisor/control_server.h"
#include "supervisor/journal.h"
#include "supervisor/orders.h"
#include "supervisor/proxy_keeper.h"
#include "supervisor/reporter.h"
#include "supervisor/schedule_keeper.h"
#include "supervisor/stopper.h"

namespace keyway::supervisor {
namespace {

namespace asio = boost::asio;
using platform::local::LocalPlatform;

constexpr int64_t kLongestWaitMs = 5'000;
constexpr int kMaxHastyTicks = 50;  // in a row, each short and with the wish to go on at once
constexpr int64_t kHastyTickMs = 20;
constexpr int64_t kPauseMs = 50;
constexpr int64_t kLingerMs = 300;
constexpr size_t kMaxOrders = kMaxClients;

// Whether the cluster is there for a proxy to look at.
bool answers(const cluster::Observed& observed) {
  return observed.formed && std::any_of(observed.nodes.begin(), observed.nodes.end(),
                                        [](const cluster::NodeFacts& node) { return node.answering(); });
}

// All of it lives in one thread: handlers of the io_context only take things in; what changes something
// happens between ticks.
class Supervisor {
 public:
  explicit Supervisor(const SupervisorOptions& options) : options_(options), signals_(io_) {}

  Status open();
  Status run();

 private:
  enum class Phase { kRunning, kStopping, kLeaving };

  struct Order {
    Request request;
    ControlServer::Reply reply;
  };

  void begin_report();
  void watch_signals();
  void on_signal(int number);
  void take(Request request, ControlServer::Reply reply);
  void begin_stop(const std::string& why);

  int64_t tick();
  int64_t pace_ms(int64_t took_ms);
  void carry_out_orders();
  void carry_out_order(const Order& order);
  Status stop_servers();
  void publish(reconcile::Tick tick, uint64_t generation);
  void show_events();
  void wait(int64_t delay_ms);
  void linger();

  Progress progress(uint64_t events_since);
  bool converged() const;

  SupervisorOptions options_;
  asio::io_context io_{1};
  asio::signal_set signals_;
  std::unique_ptr<LocalPlatform> platform_;
  std::unique_ptr<engine::Fleet> fleet_;
  std::unique_ptr<reconcile::Loop> loop_;
  std::unique_ptr<reconcile::FlightRecorder> recorder_;
  std::unique_ptr<ProxyKeeper> proxy_;
  std::unique_ptr<ScheduleKeeper> schedules_;
  Journal journal_;
  uint64_t shown_event_ = 0;  // the last one given to on_event
  std::unique_ptr<Reporter> reporter_;
  std::unique_ptr<ControlServer> control_;

  Phase phase_ = Phase::kRunning;
  bool wake_ = false;  // something happened that the next tick should see at once
  std::vector<Order> orders_;
  uint64_t generation_ = 0;  // of the orders carried out

  reconcile::Tick last_;
  int hasty_ticks_ = 0;
  uint64_t last_generation_ = 0;  // that the last tick has seen
  bool ticked_ = false;
  std::optional<std::string> status_json_;  // of the last tick; made when someone asks
  uint64_t served_sequence_ = 0;            // the last event that some client has been given
};

Status Supervisor::open() {
  Result<std::string> home = platform::local::find_home();
  if (!home) return fail(home.error());
  auto opened = LocalPlatform::open(io_, *home, options_.cluster, [this] { wake_ = true; });
  if (!opened) return fail(opened.error());
  platform_ = std::move(*opened);
  if (Status logging = log_to_file(platform_->paths().supervisor_log()); !logging) return logging;
  platform::local::raise_descriptor_limit();
  fleet_ = std::make_unique<engine::Fleet>(io_, [this] {
    platform::Platform::Account account = platform_->account();
    return engine::Credentials{std::move(account.user), std::move(account.password)};
  });
  loop_ = std::make_unique<reconcile::Loop>(*platform_, *fleet_, reconcile::LoopOptions{});
  recorder_ = std::make_unique<reconcile::FlightRecorder>(platform_->paths().history_file());
  auto control = ControlServer::open(
      io_, platform_->paths().socket(),
      [this](Request request, ControlServer::Reply reply) { take(std::move(request), std::move(reply)); });
  if (!control) return fail(control.error());
  control_ = std::move(*control);
  watch_signals();
  begin_report();
  auto say = [this](LogLevel level, const std::string& text) {
    journal_.add(platform_->wall_ms(), level, "", text);
  };
  proxy_ = std::make_unique<ProxyKeeper>(io_, *platform_, say, [this] { wake_ = true; });
  schedules_ = std::make_unique<ScheduleKeeper>(io_, *platform_, say, [this] { wake_ = true; });
  return {};
}

void Supervisor::begin_report() {
  reporter_ = std::make_unique<Reporter>(journal_, platform_->monotonic_ms());
  last_.desired = platform_->desired();
  last_.observed = platform_->look();
  const auto running = std::count_if(last_.observed.nodes.begin(), last_.observed.nodes.end(),
                                     [](const cluster::NodeFacts& node) { return node.running(); });
  std::string text = fmt::format("supervisor of {} started (pid {})", options_.cluster, ::getpid());
  if (running > 0) text += fmt::format("; it adopts {}", count_of(running, "running server"));
  journal_.add(platform_->wall_ms(), LogLevel::kInfo, "", text);
}

void Supervisor::watch_signals() {
  boost::system::error_code ignored;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) signals_.add(number, ignored);
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    on_signal(number);
    watch_signals();
  });
}

void Supervisor::on_signal(int number) {
  const char* name = number == SIGINT ? "SIGINT" : number == SIGTERM ? "SIGTERM" : "SIGHUP";
  if (phase_ == Phase::kRunning) return begin_stop(fmt::format("{} was received", name));
  phase_ = Phase::kLeaving;
  wake_ = true;
}

void Supervisor::begin_stop(const std::string& why) {
  if (phase_ != Phase::kRunning) return;
  phase_ = Phase::kStopping;
  wake_ = true;
  journal_.add(platform_->wall_ms(), LogLevel::kInfo, "", fmt::format("stopping all servers: {}", why));
}

void Supervisor::take(Request request, ControlServer::Reply reply) {
  if (const auto* look = std::get_if<ProgressRequest>(&request))
    return reply(encode_progress(progress(look->events_since)));
  if (std::holds_alternative<DownRequest>(request)) {
    begin_stop("`keyway down` was called");
    return reply(encode_generation(++generation_));
  }
  if (phase_ != Phase::kRunning) {
    return reply(
        encode_error({ErrorCode::kConflict,
                      fmt::format("{} is being stopped; run `keyway up` afterwards", options_.cluster)}));
  }
  if (orders_.size() >= kMaxOrders) {
    return reply(encode_error({ErrorCode::kExhausted, "too many orders wait to be carried out; try again"}));
  }
  orders_.push_back({std::move(request), std::move(reply)});
  wake_ = true;
}

Status Supervisor::run() {
  while (phase_ == Phase::kRunning) {
    carry_out_orders();
    const int64_t took_ms = tick();
    wait(pace_ms(took_ms));
  }
  for (const Order& order : std::exchange(orders_, {})) {
    order.reply(encode_error({ErrorCode::kConflict, fmt::format("{} is being stopped", options_.cluster)}));
  }
  Status stopped = stop_servers();
  if (!stopped) journal_.add(platform_->wall_ms(), LogLevel::kError, "", stopped.error().message);
  linger();
  log_info("the supervisor ends");
  return stopped;
}

// Gives how long it took.
int64_t Supervisor::tick() {
  wake_ = false;
  const uint64_t generation = generation_;
  TickTime time;
  time.wall_ms = platform_->wall_ms();
  time.begin_ms = platform_->monotonic_ms();
  reconcile::Tick tick = loop_->tick();
  time.end_ms = platform_->monotonic_ms();
  reporter_->report(tick, time);
  recorder_->record(tick);
  proxy_->step(answers(tick.observed));
  schedules_->step(answers(tick.observed));
  publish(std::move(tick), generation);
  return time.end_ms - time.begin_ms;
}

// The loop goes on at once after a step. Steps that work and change nothing, for ever, must not cost a whole
// core.
int64_t Supervisor::pace_ms(int64_t took_ms) {
  hasty_ticks_ = last_.next_ms == 0 && took_ms < kHastyTickMs ? hasty_ticks_ + 1 : 0;
  const int64_t pause_ms = hasty_ticks_ > kMaxHastyTicks ? kPauseMs : last_.next_ms;
  return std::min({pause_ms, proxy_->due_ms(), schedules_->due_ms()});
}

void Supervisor::publish(reconcile::Tick tick, uint64_t generation) {
  std::vector<Address> addresses;
  for (const auto& node : tick.observed.nodes) {
    if (node.running()) addresses.push_back(node.address);
  }
  fleet_->keep_only(addresses);
  last_ = std::move(tick);
  last_generation_ = generation;
  ticked_ = true;
  status_json_.reset();
  show_events();
  if (options_.on_tick) options_.on_tick(last_, proxy_->status(), phase_ != Phase::kRunning);
}

void Supervisor::show_events() {
  if (!options_.on_event) return;
  for (const Event& event : journal_.since(shown_event_)) options_.on_event(event);
  shown_event_ = journal_.last_sequence();
}

void Supervisor::carry_out_orders() {
  for (const Order& order : std::exchange(orders_, {})) carry_out_order(order);
}

void Supervisor::carry_out_order(const Order& order) {
  Result<Taken> taken = carry_out(order.request, *platform_, last_);
  if (!taken) {
    log_warning(fmt::format("refused `{}`", name_of(order.request)), {{"why", taken.error().message}});
    return order.reply(encode_error(taken.error()));
  }
  journal_.add(platform_->wall_ms(), LogLevel::kInfo, "", taken->text);
  for (const std::string& warning : taken->warnings) {
    journal_.add(platform_->wall_ms(), LogLevel::kWarning, "", warning);
  }
  order.reply(encode_generation(++generation_));
}

Status Supervisor::stop_servers() {
  // First of all, so that its clients have their answers.
  while (phase_ != Phase::kLeaving && !(proxy_->end_step() && schedules_->end_step())) wait(kPauseMs);
  Stopper stopper(*platform_, *fleet_,
                  [this](LogLevel level, const std::string& shard, const std::string& text) {
                    journal_.add(platform_->wall_ms(), level, shard, text);
                  });
  for (;;) {
    wake_ = false;
    const bool done = stopper.step();
    reconcile::Tick tick;
    tick.desired = stopper.desired();
    tick.observed = stopper.observed();
    tick.plan.waiting = stopper.waiting();
    publish(std::move(tick), last_generation_);
    if (done || phase_ == Phase::kLeaving) return stopper.result();
    wait(kPauseMs);
  }
}

// Lets a client that watches see the last events before its connection closes.
void Supervisor::linger() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kLingerMs);
  if (io_.stopped()) io_.restart();
  io_.poll();  // replies that are still under way
  while (control_->clients() > 0 && served_sequence_ < journal_.last_sequence() &&
         io_.run_one_until(deadline) > 0) {
  }
  io_.poll();
}

// Handlers run meanwhile: requests, signals, ended processes.
void Supervisor::wait(int64_t delay_ms) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(std::clamp<int64_t>(delay_ms, 0, kLongestWaitMs));
  if (io_.stopped()) io_.restart();
  io_.poll();
  while (!wake_ && io_.run_one_until(deadline) > 0) {
  }
}

bool Supervisor::converged() const {
  return ticked_ && phase_ == Phase::kRunning && orders_.empty() && last_generation_ == generation_ &&
         last_.plan.converged() && proxy_->settled();
}

Progress Supervisor::progress(uint64_t events_since) {
  if (!status_json_) {
    reconcile::ClusterStatus status = reconcile::make_status(options_.cluster, last_.desired, last_.observed,
                                                             last_.plan, platform_->wall_ms());
    status.supervisor_pid = static_cast<int>(::getpid());
    status.proxy = proxy_->status();
    status_json_ = reconcile::to_json(status);
  }
  Progress progress;
  progress.converged = converged();
  progress.generation = generation_;
  progress.supervisor_pid = static_cast<int>(::getpid());
  progress.status_json = *status_json_;
  progress.events = journal_.since(events_since);
  served_sequence_ = journal_.last_sequence();
  for (const cluster::Step& step : last_.plan.steps) progress.doing.push_back(cluster::describe(step.action));
  progress.doing.insert(progress.doing.end(), last_.plan.waiting.begin(), last_.plan.waiting.end());
  for (const cluster::Problem& problem : last_.plan.problems) progress.problems.push_back(problem.text);
  progress.problems.insert(progress.problems.end(), last_.delayed.begin(), last_.delayed.end());
  return progress;
}

}  // namespace

Status run_supervisor(const SupervisorOptions& options) {
  Supervisor supervisor(options);
  if (Status opened = supervisor.open(); !opened) return opened;
  return supervisor.run();
}

}  // namespace keyway::supervisor
