// exec: becomes a program that talks to one node.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/format.h"
#include "base/strings.h"
#include "cli/clusters.h"
#include "cli/commands.h"
#include "platform/local/engine_program.h"
#include "platform/local/users.h"

namespace keyway::cli {

namespace local = platform::local;

namespace {

constexpr int kExitCannotRun = 126;
constexpr int kExitNoProgram = 127;

bool is_program(const std::filesystem::path& path) {
  return access(path.c_str(), X_OK) == 0 && !std::filesystem::is_directory(path);
}

// The path of a program by its name, as a shell would find it; empty: there is none.
std::string in_path(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  for (std::string_view folder : split(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path, ':')) {
    std::filesystem::path candidate = std::filesystem::path(folder) / name;
    if (is_program(candidate)) return candidate.string();
  }
  return "";
}

bool is_cli(const std::string& name) { return name == "redis-cli" || name == "valkey-cli"; }

bool names_a_server(const std::vector<std::string>& arguments) {
  for (std::string_view flag : {"-h", "-p", "-s", "-u"}) {
    if (std::ranges::find(arguments, flag) != arguments.end()) return true;
  }
  return false;
}

struct Target {
  std::string path;                    // of the program
  std::vector<std::string> arguments;  // its own name first
};

Target resolve(const ExecCommand& command, const local::ClusterState& state, const local::NodeState& node) {
  std::filesystem::path beside = std::filesystem::path(state.engine_path).parent_path();
  std::string_view cli = state.spec.engine.kind == cluster::EngineKind::kValkey ? "valkey-cli" : "redis-cli";
  Target target;
  target.arguments = command.program;
  if (target.arguments.empty()) target.arguments = {std::string(cli)};
  std::string name = std::filesystem::path(target.arguments.front()).filename().string();
  target.path = in_path(target.arguments.front());
  // A program of the engine itself is taken from where the engine is, if PATH has none.
  if (target.path.empty() && is_program(beside / name)) target.path = (beside / name).string();
  if (is_cli(name) && !names_a_server(target.arguments)) {
    std::vector<std::string> where = {"-h", state.spec.host, "-p", std::to_string(node.port)};
    target.arguments.insert(target.arguments.begin() + 1, where.begin(), where.end());
  }
  return target;
}

}  // namespace

Outcome run(const ExecCommand& command, Context& context) {
  Result<Chosen> cluster = choose_cluster(context.home, command.cluster);
  if (!cluster) return fail(cluster.error());
  if (Status known = check_node(*cluster, command.node); !known) return fail(known.error());
  const local::NodeState& node = *cluster->state.find(command.node);
  Result<local::Users> users = local::load_users(cluster->paths.users_file());
  if (!users) return fail(users.error());
  Result<std::string> password = users->password(local::kAdminUser);
  if (!password) return fail(password.error());
  Target target = resolve(command, cluster->state, node);
  if (target.path.empty()) {
    Error error{ErrorCode::kNotFound, fmt::format("there is no program {} in PATH or beside {}",
                                                  target.arguments.front(), cluster->state.engine_path)};
    return tl::unexpected(Failure(std::move(error), kExitNoProgram));
  }
  setenv("REDISCLI_AUTH", password->c_str(), 1);
  setenv("VALKEYCLI_AUTH", password->c_str(), 1);
  setenv("KEYWAY_HOST", cluster->state.spec.host.c_str(), 1);
  setenv("KEYWAY_PORT", std::to_string(node.port).c_str(), 1);
  std::vector<char*> arguments;
  for (std::string& argument : target.arguments) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  execve(target.path.c_str(), arguments.data(), environ);
  Error error{ErrorCode::kInternal, fmt::format("{} cannot be run: {}", target.path, errno_text(errno))};
  return tl::unexpected(Failure(std::move(error), errno == ENOENT ? kExitNoProgram : kExitCannotRun));
}

}  // namespace keyway::cli
