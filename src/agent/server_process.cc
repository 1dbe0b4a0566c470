#include "agent/server_process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "platform/local/adopt.h"
#include "platform/local/files.h"
#include "platform/local/node_files.h"
#include "platform/local/paths.h"

namespace keyway::agent {

namespace local = platform::local;

namespace {

constexpr int64_t kFirstPauseMs = 200;
constexpr int64_t kLongestPauseMs = 10'000;
constexpr int64_t kLongRunMs = 10'000;  // after this, a start has brought something
constexpr size_t kMaxVerdictBytes = 256 * 1024;
constexpr size_t kMaxPassedBytes = 64 * 1024;  // of the log, at once
constexpr int kMaxReaped = 1000;

std::string story(const std::optional<int>& wait_status, const std::string& reason) {
  std::string text = wait_status ? local::describe_exit(*wait_status) : std::string("ended");
  return reason.empty() ? text : text + ": " + reason;
}

}  // namespace

int64_t restart_pause_ms(int failures) {
  if (failures == 0) return 0;
  return std::min(kFirstPauseMs << std::min(failures - 1, 16), kLongestPauseMs);
}

ServerProcess::ServerProcess(boost::asio::io_context& io, const Settings& settings,
                             std::function<void()> on_exit)
    : settings_(settings), watcher_(io, std::move(on_exit)) {}

Status ServerProcess::find_program() {
  std::optional<Error> first;
  for (cluster::EngineKind kind : {cluster::EngineKind::kRedis, cluster::EngineKind::kValkey}) {
    cluster::EngineSpec spec;
    spec.kind = kind;
    spec.path = settings_.engine;
    Result<local::EngineProgram> found = local::find_engine(spec);
    if (found) {
      program_ = *found;
      return {};
    }
    if (!first) first = found.error();
  }
  return fail(*first);
}

bool ServerProcess::adopt() {
  local::NodePaths paths{settings_.data_folder};
  for (int pid : local::all_pids()) {
    if (!local::is_server_of(pid, paths) || !local::leads_session(pid)) continue;
    std::optional<local::ProcessIdentity> found = local::identify(pid);
    if (!found || !watcher_.watch(*found)) continue;
    process_ = *found;
    log_begin_ = log_seen_ = local::file_size(paths.log_file());
    return true;
  }
  return false;
}

Status ServerProcess::start() {
  local::NodePaths paths{settings_.data_folder};
  if (local::turn_log(paths)) log_seen_ = 0;
  log_begin_ = local::file_size(paths.log_file());
  if (log_seen_ == 0) log_seen_ = log_begin_;
  started_ms_ = monotonic_ms();
  Result<local::ProcessIdentity> started =
      local::launch({program_.server, {paths.config_file()}, paths.folder, paths.log_file()});
  if (!started) {
    not_before_ms_ = started_ms_ + restart_pause_ms(++failures_);
    return fail(started.error());
  }
  process_ = *started;
  return watcher_.watch(process_);
}

bool ServerProcess::running() const { return !process_.empty() && watcher_.running(process_.pid); }

Status ServerProcess::signal(int number) {
  return process_.empty() ? Status{} : local::send_signal(process_, number);
}

std::optional<ServerEnd> ServerProcess::take_end(int64_t now_ms) {
  if (process_.empty() || running()) return std::nullopt;
  pass_log_on();
  ServerEnd end;
  end.wait_status = watcher_.forget(process_.pid);
  std::string log =
      local::read_tail(local::NodePaths{settings_.data_folder}.log_file(), log_begin_, kMaxVerdictBytes);
  local::LogVerdict verdict = local::read_verdict(log);
  end.unloadable = verdict.unloadable;
  end.story = story(end.wait_status, verdict.reason);
  bool brought_something = now_ms - started_ms_ > kLongRunMs && !verdict.unloadable;
  failures_ = brought_something ? 0 : failures_ + 1;
  not_before_ms_ = now_ms + restart_pause_ms(failures_ - 1);
  process_ = {};
  return end;
}

void ServerProcess::pass_log_on() {
  local::NodePaths paths{settings_.data_folder};
  int64_t size = local::file_size(paths.log_file());
  if (size < log_seen_) log_seen_ = 0;  // it was turned
  if (size == log_seen_) return;
  std::string text = local::read_tail(paths.log_file(), log_seen_, kMaxPassedBytes);
  log_seen_ = size;
  // A reader that does not keep up loses lines.
  [[maybe_unused]] ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
  if (local::turn_log(paths)) {
    log_seen_ = 0;
    log_begin_ = 0;
  }
}

void reap_orphans(int server) {
  for (int i = 0; i < kMaxReaped; ++i) {
    siginfo_t found{};
    if (::waitid(P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT) != 0 || found.si_pid == 0) return;
    // The server's end is taken where it is watched; it hides others only until then.
    if (found.si_pid == server) return;
    ::waitpid(found.si_pid, nullptr, WNOHANG);
  }
}

}  // namespace keyway::agent
