#include "agent/agent.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "agent/agent_process.h"
#include "agent/folder_registry.h"
#include "agent/kubernetes_registry.h"
#include "agent/metrics.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "engine/observe.h"
#include "platform/kubernetes/names.h"
#include "platform/local/files.h"
#include "platform/local/paths.h"
#include "platform/local/program_pages.h"
#include "platform/local/resources.h"

namespace keyway::agent {

namespace local = platform::local;
namespace names = platform::kubernetes;

namespace {

constexpr int64_t kSteadyMs = 250;   // between looks at the server
constexpr int64_t kUnsteadyMs = 50;  // while something is to change
constexpr int64_t kObserveMs = 400;
constexpr int64_t kInfoMs = 5000;   // between full INFOs, for /metrics
constexpr int64_t kUsersMs = 5000;  // between looks at the users file
constexpr int64_t kSleptMs = 1000;  // between two turns: the agent was stopped
constexpr int64_t kRestMs = 5000;   // of nothing to do
constexpr int kMaxFailures = 10;    // starts in a row that brought nothing
constexpr size_t kMaxFragmentBytes = 1 << 20;

int exit_code(const ServerEnd& end) {
  if (!end.wait_status) return 0;
  if (WIFSIGNALED(*end.wait_status)) return 128 + WTERMSIG(*end.wait_status);
  return WEXITSTATUS(*end.wait_status);
}

}  // namespace

Agent::Agent(const Settings& settings)
    : settings_(settings), signals_(io_), server_(io_, settings, [this] { wake_ = true; }) {
  state_.pod = settings_.pod;
  state_.cluster = settings_.cluster;
  state_.shard = settings_.shard;
  state_.mode = settings_.mode;
  state_.node.name = settings_.pod;
  state_.node.shard = settings_.shard;
  state_.node.address = settings_.server;
}

Status Agent::open() {
  local::raise_descriptor_limit();
  watch_signals();
  if (Status found = server_.find_program(); !found) return found;
  if (Status made = local::make_shared_folder(settings_.data_folder); !made) return made;
  read_users();
  fleet_ = std::make_unique<engine::Fleet>(io_, [this] { return account_; });
  publish();
  if (Status opened = open_http(); !opened) return opened;
  if (Status opened = open_registry(); !opened) return opened;
  Workplace place{settings_, *fleet_, clerk_.get(), server_.program(), [this] { return account_; }};
  duty_ = settings_.mode == cluster::Mode::kSharded ? make_sharded_duty(place) : make_replicated_duty(place);
  if (server_.adopt()) {
    state_.phase = Phase::kRunning;
    log_info("a server that runs was taken over", {{"pid", std::to_string(server_.pid())}});
  }
  return {};
}

Result<std::unique_ptr<Registry>> Agent::make_registry() {
  if (settings_.registry.empty()) return open_kubernetes_registry(settings_);
  Pod own;
  own.name = settings_.pod;
  own.uid = settings_.pod_uid;
  own.shard = settings_.shard;
  own.server = settings_.server;
  own.http = http_->address();
  return FolderRegistry::open(settings_.registry, own);
}

Status Agent::open_registry() {
  Result<std::unique_ptr<Registry>> registry = make_registry();
  if (!registry && registry.error().code == ErrorCode::kNotFound) {
    log_warning("there is no API server", {{"why", registry.error().message}});
    return {};
  }
  if (!registry) return fail(registry.error());
  ClerkOptions options;
  bool sharded = settings_.mode == cluster::Mode::kSharded;
  options.lease = sharded ? names::service_name(settings_.cluster)
                          : names::stateful_set_name(settings_.shard, settings_.cluster);
  options.identity = settings_.identity();
  options.pod = settings_.pod;
  options.shard = settings_.shard;
  clerk_ = std::make_unique<ClerkThread>(std::move(*registry), options);
  return {};
}

Status Agent::open_http() {
  auto http = HttpServer::start(settings_.http, [this](std::string_view path) { return answer(path); });
  if (!http) return fail(http.error());
  http_ = std::move(*http);
  return {};
}

// In the HTTP server's thread.
HttpAnswer Agent::answer(std::string_view path) {
  std::lock_guard lock(published_mutex_);
  auto probe = [](const Probe& found) { return HttpAnswer{found.good ? 200 : 503, found.why + "\n"}; };
  if (path == names::kReadyPath) return probe(readiness(published_));
  if (path == names::kLivePath) return probe(liveness(published_, monotonic_ms()));
  if (path == names::kMetricsPath) return {200, render_metrics(published_)};
  if (path == names::kRolePath) return {200, role_json(published_), "application/json"};
  return {404, "there are /readyz, /livez, /metrics and /role\n"};
}

void Agent::watch_signals() {
  boost::system::error_code ignored;
  for (int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD}) signals_.add(number, ignored);
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    on_signal(number);
    watch_signals();
  });
}

void Agent::on_signal(int number) {
  if (number == SIGCHLD) return reap_orphans(server_.pid());
  if (number == SIGHUP) {
    if (Status sent = server_.signal(number); !sent)
      log_warning("a signal did not reach the server", {{"error", sent.error().message}});
    return;
  }
  wake_ = true;
  if (stopping()) {
    hurry_ = true;
  } else {
    begin_stop();
  }
}

Result<int> Agent::run() {
  while (!result_) wait(tick());
  duty_->leave();
  server_.pass_log_on();
  log_info("the agent ends", {{"server", story_}, {"code", std::to_string(*result_)}});
  return *result_;
}

// Gives how long until the next one, at the latest.
int64_t Agent::tick() {
  wake_ = false;
  int64_t now_ms = monotonic_ms();
  int64_t slept_ms = ticked_ms_ == 0 ? 0 : now_ms - ticked_ms_;
  ticked_ms_ = now_ms;
  if (slept_ms > kSleptMs && server_.running() && !stopping()) duty_->woke_up(state_, slept_ms);
  take_end();
  if (result_) return 0;
  read_users();
  if (!server_.running() && !stopping()) start_server();
  look();
  if (!stopping()) {
    Tended tended = duty_->tend(state_, monotonic_ms());
    unsteady_ = tended.unsteady;
    if (tended.kill_server) {
      log_error("the server does not listen and is killed", {{"why", state_.waiting_for}});
      if (Status killed = server_.signal(SIGKILL); !killed) log_error(killed.error().message);
    }
  } else if (!server_.running()) {
    result_ = 0;
  } else if (!handover_->ended() && !hurry_ && (is_primary() || state_.phase == Phase::kHandingOver)) {
    hand_over();
  } else {
    stop_server();
  }
  server_.pass_log_on();
  publish();
  let_go();
  return unsteady_ || stopping() ? kUnsteadyMs : kSteadyMs;
}

// Once it has come to rest, what it took to get there is let go of.
void Agent::let_go() {
  int64_t now_ms = monotonic_ms();
  if (unsteady_ || stopping()) {
    let_go_ms_ = now_ms + kRestMs;
  } else if (let_go_ms_ != 0 && now_ms >= let_go_ms_) {
    let_go_ms_ = 0;
    local::let_go_of_program_pages();
  }
}

bool Agent::is_primary() const {
  return state_.node.answering() && state_.node.server.role == cluster::Role::kPrimary;
}

void Agent::take_end() {
  std::optional<ServerEnd> end = server_.take_end(monotonic_ms());
  if (!end) return;
  reap_orphans(0);
  state_.node.note = end->story;
  state_.node.process = cluster::Process::kStopped;
  last_unloadable_ = end->unloadable;
  story_ = end->story;
  log_warning("the server has ended", {{"how", end->story}});
  if (stopping() || server_.failures() >= kMaxFailures) result_ = exit_code(*end);
}

void Agent::start_server() {
  int64_t now_ms = monotonic_ms();
  state_.phase = Phase::kWaiting;
  if (now_ms < server_.not_before_ms()) return;
  Result<std::string> fragment = local::read_file(settings_.config_file, kMaxFragmentBytes);
  fragment_ = fragment ? *fragment : "";
  std::string waiting_for;
  std::optional<StartAs> role =
      duty_->prepare({now_ms, appends(), last_unloadable_, server_.failures()}, waiting_for);
  state_.waiting_for = waiting_for;
  if (!role || !write_config(*role)) return;
  if (Status started = server_.start(); !started) {
    state_.waiting_for = started.error().message;
    log_error("the server cannot be started", {{"error", started.error().message}});
    return;
  }
  ++state_.starts;
  last_unloadable_ = false;
  state_.phase = Phase::kRunning;
  state_.node.started_ms = wall_ms();
  log_info("the server was started", {{"pid", std::to_string(server_.pid())}});
}

bool Agent::write_config(const StartAs& role) {
  std::string text = render_config(settings_, fragment_, !users_text_.empty(), account_, role);
  local::NodePaths paths{settings_.data_folder};
  Status written = local::replace_file(paths.config_file(), text, local::Durability::kVolatile);
  if (!written) state_.waiting_for = written.error().message;
  return written.has_value();
}

void Agent::look() {
  cluster::NodeFacts& node = state_.node;
  bool running = server_.running();
  node.process = running ? cluster::Process::kRunning : cluster::Process::kStopped;
  node.pid = running ? server_.pid() : 0;
  if (!running) {
    node.reach = cluster::Reach::kSilent;
    node.silent_ms = silent_since_ms_ = 0;
    return;
  }
  int64_t now_ms = monotonic_ms();
  std::vector<resp::Command> commands = engine::questions(settings_.mode);
  bool with_info = now_ms >= info_due_ms_;
  if (with_info) commands.push_back({"INFO"});
  engine::Response response = std::move(fleet_->exchange({{settings_.server, commands}}, kObserveMs).front());
  if (with_info && response.ok()) {
    info_due_ms_ = now_ms + kInfoMs;
    if (!response.replies.back().is_error()) state_.info = std::move(response.replies.back().text);
    response.replies.pop_back();
  }
  engine::take_answers(settings_.mode, response, node);
  bool silent = node.reach == cluster::Reach::kSilent;
  if (!silent) silent_since_ms_ = 0;
  if (silent && silent_since_ms_ == 0) silent_since_ms_ = now_ms;
  node.silent_ms = silent ? monotonic_ms() - silent_since_ms_ : 0;
}

// Passwords that were changed are given to the server as soon as the file says so.
void Agent::read_users() {
  int64_t now_ms = monotonic_ms();
  if (now_ms < users_due_ms_) return;
  users_due_ms_ = now_ms + kUsersMs;
  Result<std::string> text = local::read_file(settings_.users_file, kMaxFragmentBytes);
  if (!text || *text == users_text_) return;
  Result<engine::Credentials> account = account_in(*text);
  if (!account) {
    log_error("the users file is of no use", {{"why", account.error().message}});
    return;
  }
  if (fleet_ && state_.node.answering()) {
    std::vector<resp::Command> commands = {{"ACL", "LOAD"},
                                           {"CONFIG", "SET", "masteruser", account->user},
                                           {"CONFIG", "SET", "masterauth", account->password}};
    engine::Response response =
        std::move(fleet_->exchange({{settings_.server, commands}}, kObserveMs).front());
    if (!response.ok() || response.replies.front().is_error()) {
      log_error("the server did not take the users",
                {{"why", response.error ? response.error->message : response.replies.front().text}});
      return;
    }
    log_info("the server has taken the users");
  }
  users_text_ = *text;
  account_ = *account;
}

void Agent::publish() {
  state_.tick_ms = monotonic_ms();
  std::lock_guard lock(published_mutex_);
  published_ = state_;
}

// Handlers run meanwhile: signals, the server's end.
void Agent::wait(int64_t delay_ms) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(delay_ms);
  if (io_.stopped()) io_.restart();
  io_.poll();
  while (!wake_ && !result_ && io_.run_one_until(deadline) > 0) {
  }
}

Result<int> run_agent(const Settings& settings) {
  log_to_stream(STDERR_FILENO, LogFormat::kText, LogLevel::kInfo);
  Agent agent(settings);
  if (Status opened = agent.open(); !opened) return fail(opened.error());
  return agent.run();
}

}  // namespace keyway::agent
