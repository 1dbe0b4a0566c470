#include "platform/local/config_check.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <set>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/desired.h"
#include "platform/local/files.h"
#include "platform/local/paths.h"
#include "platform/local/process.h"
#include "platform/local/server_config.h"
#include "platform/local/server_log.h"

namespace keyway::platform::local {

namespace {

constexpr int64_t kStartTimeoutMs = 10'000;
constexpr int kLookAgainMs = 2;
constexpr size_t kMaxLogBytes = 256 * 1024;

// What the server wrote until it was ready or ended; whether it was ready.
struct Trial {
  bool ready = false;
  std::string log;
};

// Waits for a server to be ready, then ends it. It is our child.
Trial watch_trial(const ProcessIdentity& process, const std::string& log_file) {
  Trial trial;
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kStartTimeoutMs);
  Result<Fd> ended = open_process(process);
  bool over = !ended;
  while (!over) {
    pollfd entry{ended->get(), POLLIN, 0};
    over = ::poll(&entry, 1, kLookAgainMs) > 0 || std::chrono::steady_clock::now() >= deadline;
    trial.log = read_tail(log_file, 0, kMaxLogBytes);
    trial.ready = read_verdict(trial.log).answered;
    over = over || trial.ready;
  }
  ::kill(process.pid, SIGKILL);
  while (::waitpid(process.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return trial;
}

std::string_view line_after(std::string_view text, size_t from) {
  size_t begin = text.find('\n', from);
  if (begin == std::string_view::npos) return {};
  return trim(text.substr(begin + 1, text.find('\n', begin + 1) - begin - 1));
}

// ">>> 'maxmemory-policy foo'" and the line after it.
std::optional<std::string> directive_problem(std::string_view log) {
  size_t sign = log.find(">>> '");
  if (sign == std::string_view::npos) return std::nullopt;
  std::string_view line = log.substr(sign + 5, log.find('\n', sign) - sign - 5);
  std::string directive = to_lower(line.substr(0, line.find_first_of(" '")));
  return fmt::format("spec.config.{}: the server says: {}", directive, line_after(log, sign));
}

// "Aborting Redis startup because of ACL errors: FILE:2: Error in … WARNING: …": the first of them, with its
// user's name.
std::optional<std::string> user_problem(std::string_view log, const std::string& users_file,
                                        const Users& users) {
  size_t sign = log.find("because of ACL errors: ");
  if (sign == std::string_view::npos) return std::nullopt;
  size_t place = log.find(users_file + ":", sign);
  if (place == std::string_view::npos) return std::nullopt;
  std::string_view rest = log.substr(place + users_file.size() + 1);
  rest = rest.substr(0, rest.find('\n'));
  size_t number_end = rest.find(':');
  std::optional<uint64_t> number = parse_uint(rest.substr(0, number_end));
  if (!number || *number == 0 || *number > users.all().size()) return std::nullopt;
  std::string_view text = rest.substr(number_end + 1);
  for (std::string_view end : {std::string_view(users_file), std::string_view(" WARNING:")}) {
    text = text.substr(0, text.find(end));
  }
  return fmt::format("spec.users: the rules of user {}: the server says: {}", users.all()[*number - 1].name,
                     trim(text));
}

Status try_config(const EngineProgram& engine, const cluster::ServerConfig& config, const Users& users,
                  const std::string& folder) {
  NodePaths paths{folder};
  ServerPlace place;
  place.mode = cluster::Mode::kReplicated;
  place.paths = paths;
  place.address.host = "127.0.0.1";
  place.unix_socket = "check.sock";
  place.admin_user = std::string(kAdminUser);
  if (Result<std::string> password = users.password(kAdminUser)) place.admin_password = *password;
  if (Status made = make_private_folder(folder); !made) return made;
  Status written =
      replace_file(paths.config_file(), render_server_config(place, config), Durability::kVolatile);
  if (written) written = replace_file(paths.users_file(), users.to_acl_file(), Durability::kVolatile);
  if (!written) return written;
  Result<ProcessIdentity> process =
      launch(Launch{engine.server, {paths.config_file()}, folder, paths.log_file()});
  if (!process) return fail(process.error());
  Trial trial = watch_trial(*process, paths.log_file());
  if (trial.ready) return {};
  std::optional<std::string> problem = directive_problem(trial.log);
  if (!problem) problem = user_problem(trial.log, paths.users_file(), users);
  if (problem) return fail(ErrorCode::kInvalidArgument, *problem);
  std::vector<std::string_view> lines = split(trim(trial.log), '\n');
  std::string reason = read_verdict(trial.log).reason;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("spec.config: {} does not start with it: {}", engine.server,
                          reason.empty() ? strip_prefix(lines.back()) : reason));
}

}  // namespace

Status check_config(const EngineProgram& engine, const cluster::Spec& spec, const Users& users,
                    const std::string& scratch_folder) {
  std::set<cluster::ServerConfig> configs;
  for (const cluster::DesiredShard& shard : cluster::make_desired(spec, "").shards)
    configs.insert(shard.config);
  for (const cluster::ServerConfig& config : configs) {
    Status good = try_config(engine, config, users, scratch_folder);
    Status deleted = delete_folder(scratch_folder);
    if (!good) return good;
    if (!deleted) return deleted;
  }
  return {};
}

}  // namespace keyway::platform::local
