#include "backup/trial_server.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "backup/waiting.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/strings.h"
#include "base/tcp.h"
#include "platform/local/random.h"
#include "platform/local/server_config.h"

namespace keyway::backup {

namespace {

namespace local = platform::local;

constexpr size_t kPasswordBytes = 32;
constexpr int kPortTries = 5;
constexpr int64_t kLookMs = 50;
constexpr int64_t kLookTimeoutMs = 5000;
constexpr int64_t kStallMs = int64_t{5} * 60 * 1000;  // one very large value may take long
constexpr int64_t kAnswerTimeoutMs = 60'000;
constexpr size_t kMaxLogBytes = size_t{256} << 10;

// One that nobody listens at; by the time that the server does, somebody may.
Result<Address> free_address() {
  Result<int> fd = listen_at({"127.0.0.1", 0});
  if (!fd) return fail(fd.error());
  Address address = local_of(*fd);
  ::close(*fd);
  return address;
}

// Paths are relative: its folder is its own working directory.
std::string config_of(const Trial& trial, const Address& address, const std::string& password) {
  return fmt::format(
      "port {}\nbind {}\nrequirepass {}\nreplicaof 127.0.0.1 {}\nreplica-read-only no\ndir ./\n"
      "dbfilename dump.rdb\nlogfile server.log\nsave \"\"\nappendonly no\ndatabases {}\nmaxmemory 0\n"
      "enable-debug-command local\nsanitize-dump-payload yes\nset-proc-title no\noom-score-adj absolute\n"
      "oom-score-adj-values 900 900 900\n",
      address.port, address.host, password, local::kNobodysPort, trial.databases);
}

// The number in a line "NAME:NUMBER"; -1: there is none.
int64_t number_in(std::string_view info, std::string_view name) {
  for (std::string_view line : split(info, '\n')) {
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':'))
      return parse_int(trim(line.substr(name.size() + 1))).value_or(-1);
  }
  return -1;
}

}  // namespace

TrialServer::TrialServer(local::ProcessIdentity process, Address address, std::string password)
    : process_(std::move(process)),
      address_(std::move(address)),
      fleet_(io_, [password = std::move(password)] { return engine::Credentials{"", password}; }) {}

TrialServer::~TrialServer() {
  if (process_.empty()) return;
  ::kill(process_.pid, SIGKILL);
  while (::waitpid(process_.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<std::unique_ptr<TrialServer>> TrialServer::start(const Trial& trial) {
  for (int i = 1;; ++i) {
    Result<std::unique_ptr<TrialServer>> server = launch(trial);
    if (!server) return server;
    Status loaded = (*server)->wait_loaded(trial);
    if (loaded) return server;
    if (loaded.error().code != ErrorCode::kConflict || i == kPortTries) return fail(loaded.error());
  }
}

Result<std::unique_ptr<TrialServer>> TrialServer::launch(const Trial& trial) {
  Result<Address> address = free_address();
  if (!address) return fail(address.error());
  std::string password = hex(local::random_bytes(kPasswordBytes));
  Status written = local::replace_file(trial.folder.config_file(), config_of(trial, *address, password),
                                       local::Durability::kVolatile);
  if (!written) return fail(written.error());
  ::unlink(trial.folder.log_file().c_str());  // of the shard before
  local::Launch launch{
      trial.engine.server, {trial.folder.config_file()}, trial.folder.path(), trial.folder.log_file()};
  Result<local::ProcessIdentity> process = local::launch(launch);
  if (!process) return fail(process.error());
  return std::unique_ptr<TrialServer>(new TrialServer(*process, *address, std::move(password)));
}

std::string TrialServer::look_for_end() {
  int wait_status = 0;
  if (::waitpid(process_.pid, &wait_status, WNOHANG) != process_.pid) return "";
  process_ = {};
  return local::describe_exit(wait_status);
}

Status TrialServer::wait_loaded(const Trial& trial) {
  int64_t loaded_bytes = -1;
  int64_t moved_ms = monotonic_ms();
  while (monotonic_ms() - moved_ms < kStallMs) {
    if (trial.interrupted()) return fail(ErrorCode::kUnavailable, "it was interrupted");
    if (std::string end = look_for_end(); !end.empty()) {
      std::string log = local::read_tail(trial.folder.log_file(), 0, kMaxLogBytes);
      return fail(judge_failed_load({log, end, trial.engine, trial.header}, trial.shard));
    }
    // It answers this while it loads, now and then.
    Result<resp::Reply> info = fleet_.call(address_, {"INFO", "persistence"}, kLookTimeoutMs);
    int64_t loading = info ? number_in(info->text, "loading") : -1;
    if (loading == 0) return {};
    int64_t loaded = loading == 1 ? number_in(info->text, "loading_loaded_bytes") : -1;
    if (loaded > loaded_bytes) moved_ms = monotonic_ms();
    loaded_bytes = std::max(loaded, loaded_bytes);
    trial.loading(std::max<int64_t>(0, loaded_bytes));
    wait_unless(trial.interrupted, kLookMs);
  }
  return fail(ErrorCode::kTimeout, fmt::format("{} did not get on with loading it for {}",
                                               trial.engine.server, human_duration(kStallMs)));
}

Result<std::vector<resp::Reply>> TrialServer::ask(std::vector<resp::Command> commands) {
  std::vector<engine::Request> requests;
  requests.push_back({address_, std::move(commands)});
  engine::Response response = std::move(fleet_.exchange(requests, kAnswerTimeoutMs).front());
  if (!response.error) return std::move(response.replies);
  std::string end = look_for_end();
  return fail(response.error->code, fmt::format("the server that tries the backup was lost: {}{}{}",
                                                response.error->message, end.empty() ? "" : "; ", end));
}

}  // namespace keyway::backup
