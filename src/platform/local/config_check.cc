#include "platform/local/config_check.h"

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

constexpr int64_t kTimeoutMs = 10'000;
constexpr size_t kMaxLogBytes = 256 * 1024;

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
  std::string_view text = strip_prefix(line_after(log, sign));
  // What Redis 8 says of names that it does not know.
  if (text.starts_with("Module Configuration detected"))
    text = "Bad directive, known neither to it nor to a module";
  return fmt::format("spec.config.{}: the server says: {}", directive, text);
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

// Puts data there that no server can load: one that has come past its configuration and its users ends over
// it, by itself, whatever becomes of us meanwhile.
Status write_stumbling_block(const std::string& folder) {
  if (Status made = make_private_folder(folder + "/appendonlydir"); !made) return made;
  for (const char* name : {"/dump.rdb", "/appendonlydir/appendonly.aof.manifest"}) {
    Status written = replace_file(folder + name, "made by Keyway to be refused\n", Durability::kVolatile);
    if (!written) return written;
  }
  return {};
}

Status write_trial(const NodePaths& paths, const cluster::ServerConfig& config, const Users& users) {
  ServerPlace place;
  place.mode = cluster::Mode::kReplicated;
  place.paths = paths;
  place.address.host = "127.0.0.1";
  place.unix_socket = "check.sock";
  place.admin_user = std::string(kAdminUser);
  if (Result<std::string> password = users.password(kAdminUser)) place.admin_password = *password;
  if (Status written = write_stumbling_block(paths.folder); !written) return written;
  Status written =
      replace_file(paths.config_file(), render_server_config(place, config), Durability::kVolatile);
  return written ? replace_file(paths.users_file(), users.to_acl_file(), Durability::kVolatile) : written;
}

Status try_config(const EngineProgram& engine, const cluster::ServerConfig& config, const Users& users,
                  const std::string& folder) {
  NodePaths paths{folder};
  if (Status written = write_trial(paths, config, users); !written) return written;
  Result<ShortRun> run = run_briefly(Launch{engine.server, {paths.config_file()}, folder, ""}, kTimeoutMs);
  if (!run) {
    return fail(run.error().code,
                fmt::format("cannot have spec.config checked by {}: {}", engine.server, run.error().message));
  }
  std::string log = read_tail(paths.log_file(), 0, kMaxLogBytes) + run->output;
  LogVerdict verdict = read_verdict(log);
  if (verdict.unloadable) return {};
  std::optional<std::string> problem = directive_problem(log);
  if (!problem) problem = user_problem(log, paths.users_file(), users);
  if (problem) return fail(ErrorCode::kInvalidArgument, *problem);
  std::string_view last = strip_prefix(split(trim(log), '\n').back());
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("spec.config: {} does not start with it ({}): {}", engine.server,
                          describe_exit(run->wait_status),
                          verdict.reason.empty() ? std::string(last) : verdict.reason));
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
