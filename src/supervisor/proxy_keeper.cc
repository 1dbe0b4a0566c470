#include "supervisor/proxy_keeper.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/adopt.h"
#include "platform/local/node_files.h"
#include "platform/local/ports.h"

namespace keyway::supervisor {

namespace {

namespace local = platform::local;

constexpr int64_t kFirstPauseMs = 250;
constexpr int64_t kMaxPauseMs = 30'000;
constexpr int kMaxDoublings = 10;
constexpr int64_t kLongRunMs = 10'000;  // whoever ran for so long does not fail in a row
constexpr int64_t kEndMs = 3000;        // clients' last answers may take so long
constexpr int64_t kSoonMs = 20;
constexpr size_t kMaxTailBytes = 4096;
constexpr std::string_view kMetrics = "127.0.0.1:0";  // `keyway proxy top` finds the port by the process

// What a program said last.
std::string last_line(const std::string& log, int64_t from_offset) {
  std::string tail = local::read_tail(log, from_offset, kMaxTailBytes);
  std::string_view text = trim(tail);
  return std::string(text.substr(text.rfind('\n') + 1));
}

Address address_of(const local::ClusterState& state) { return {state.spec.host, state.proxy_port}; }

}  // namespace

std::optional<reconcile::ProxyStatus> look_at_proxy(const local::ClusterState& state,
                                                    const local::ClusterPaths& paths) {
  if (!state.spec.proxy) return std::nullopt;
  std::optional<local::ProcessIdentity> process = local::find_proxy(paths);
  return reconcile::ProxyStatus{to_string(address_of(state)), process ? process->pid : 0,
                                cluster::proxy_user(state.spec), ""};
}

ProxyKeeper::ProxyKeeper(boost::asio::io_context& io, local::LocalPlatform& platform, Say say,
                         std::function<void()> wake)
    : platform_(platform), say_(std::move(say)), watcher_(io, std::move(wake)) {
  take_over();
}

bool ProxyKeeper::wanted() const { return platform_.state().spec.proxy.has_value(); }

Address ProxyKeeper::address() const { return address_of(platform_.state()); }

// No secret is among them: the proxy reads the passwords of a cluster of this machine itself.
std::vector<std::string> ProxyKeeper::arguments() const {
  const cluster::Spec& spec = platform_.state().spec;
  std::vector<std::string> words = {"proxy", "--listen", to_string(address()), "--log-file",
                                    platform_.paths().proxy().log_file()};
  // What --metrics shows, such as names of keys, is for those only who may see them by the proxy itself.
  if (std::string user = cluster::proxy_user(spec); !user.empty())
    words.insert(words.end(), {"--open-as", user, "--metrics", std::string(kMetrics)});
  words.push_back(spec.name);
  return words;
}

void ProxyKeeper::take_over() {
  std::optional<local::ProcessIdentity> found = local::find_proxy(platform_.paths());
  if (!found || !watcher_.watch(*found)) return;
  process_ = *found;
  running_arguments_ = local::words_of(process_.pid);
  if (!running_arguments_.empty()) running_arguments_.erase(running_arguments_.begin());
  state_ = State::kStarting;
  since_ms_ = platform_.monotonic_ms();
}

void ProxyKeeper::step(bool cluster_answers) {
  const bool has_process = state_ != State::kAbsent && state_ != State::kWaiting;
  if (has_process && !runs()) note_end();
  const bool other = wanted() && running_arguments_ != arguments();
  if (state_ == State::kStarting || state_ == State::kServing) {
    if (!wanted() || other) return tell_to_end();
    return await_clients();
  }
  if (state_ == State::kEnding) return tell_to_end();
  if (!wanted()) {
    state_ = State::kAbsent;
    note_.clear();
    return;
  }
  const bool waits = state_ == State::kWaiting && !other && platform_.monotonic_ms() < deadline_ms_;
  if (cluster_answers && !waits) start();
}

void ProxyKeeper::start() {
  running_arguments_ = arguments();
  const local::NodePaths files = platform_.paths().proxy();
  const Address here = address();
  if (!local::test_port(here.host, here.port)) {
    std::optional<local::PortHolder> holder = local::find_port_holder(here.host, here.port);
    return wait_to_start(fmt::format(
        "port {} is held by {}; stop it, or choose another port with `keyway up "
        "{} --proxy=PORT`",
        here.port, holder ? local::to_string(*holder) : "another process", platform_.state().spec.name));
  }
  if (Status made = local::make_private_folder(files.folder); !made)
    return wait_to_start(made.error().message);
  (void)local::turn_log(files);
  Result<local::ProcessIdentity> process =
      local::launch({local::own_program(), running_arguments_, files.folder, files.log_file()});
  if (!process) return wait_to_start(process.error().message);
  process_ = *process;
  since_ms_ = platform_.monotonic_ms();
  state_ = State::kStarting;
  // A proxy that has ended already is seen by the next step.
  if (Status watched = watcher_.watch(process_); !watched) note_end();
}

void ProxyKeeper::await_clients() {
  if (state_ == State::kStarting && listens()) {
    state_ = State::kServing;
    note_.clear();
    say_(LogLevel::kInfo,
         fmt::format("the proxy listens at {} (pid {})", to_string(address()), process_.pid));
  }
  if (platform_.monotonic_ms() - since_ms_ > kLongRunMs) failures_ = 0;
}

bool ProxyKeeper::listens() const {
  const Address here = address();
  std::optional<local::PortHolder> holder = local::find_port_holder(here.host, here.port);
  return holder && holder->pid == process_.pid;
}

void ProxyKeeper::tell_to_end() {
  const bool told = state_ == State::kEnding;
  if (told && platform_.monotonic_ms() < deadline_ms_) return;
  // Whoever has ended meanwhile is noted by the next step.
  (void)local::send_signal(process_, told ? SIGKILL : SIGTERM);
  if (told) return;
  state_ = State::kEnding;
  deadline_ms_ = platform_.monotonic_ms() + kEndMs;
}

void ProxyKeeper::note_end() {
  const std::optional<int> wait_status = watcher_.forget(process_.pid);
  const bool told = state_ == State::kEnding;
  process_ = {};
  state_ = State::kAbsent;
  if (told) return;
  std::string how = wait_status ? local::describe_exit(*wait_status) : "it ended";
  const bool killed = wait_status && WIFSIGNALED(*wait_status);
  const std::string said = killed ? "" : last_line(platform_.paths().proxy().log_file(), 0);
  if (!said.empty()) how += fmt::format(" ({})", said);
  wait_to_start(how);
}

void ProxyKeeper::wait_to_start(const std::string& why) {
  const int64_t pause_ms = std::min(kMaxPauseMs, kFirstPauseMs << std::min(failures_, kMaxDoublings));
  ++failures_;
  state_ = State::kWaiting;
  deadline_ms_ = platform_.monotonic_ms() + pause_ms;
  // The same trouble again is no news.
  if (std::exchange(note_, why) == why) return;
  say_(LogLevel::kWarning, fmt::format("the proxy does not run: {}; it is started again", why));
}

bool ProxyKeeper::end_step() {
  const bool has_process = state_ != State::kAbsent && state_ != State::kWaiting;
  if (!has_process || !runs()) {
    if (has_process) {
      state_ = State::kEnding;
      note_end();
    }
    return true;
  }
  tell_to_end();
  return false;
}

bool ProxyKeeper::settled() const {
  if (!wanted()) return state_ == State::kAbsent;
  return state_ == State::kServing || state_ == State::kWaiting;
}

int64_t ProxyKeeper::due_ms() const {
  if (state_ == State::kWaiting) return std::max<int64_t>(kSoonMs, deadline_ms_ - platform_.monotonic_ms());
  return state_ == State::kStarting || state_ == State::kEnding ? kSoonMs : INT64_MAX;
}

std::optional<reconcile::ProxyStatus> ProxyKeeper::status() const {
  if (!wanted()) return std::nullopt;
  const bool up = state_ == State::kStarting || state_ == State::kServing;
  return reconcile::ProxyStatus{to_string(address()), up ? process_.pid : 0,
                                cluster::proxy_user(platform_.state().spec), up ? "" : note_};
}

}  // namespace keyway::supervisor
