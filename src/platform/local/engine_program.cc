#include "platform/local/engine_program.h"

#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"
#include "platform/local/process.h"

namespace keyway::platform::local {

namespace {

constexpr int64_t kVersionTimeoutMs = 5000;

std::string server_name(cluster::EngineKind kind) {
  return kind == cluster::EngineKind::kRedis ? "redis-server" : "valkey-server";
}

std::string client_name(cluster::EngineKind kind) {
  return kind == cluster::EngineKind::kRedis ? "redis-cli" : "valkey-cli";
}

std::string package_hint(cluster::EngineKind kind) {
  return kind == cluster::EngineKind::kRedis
             ? "install it (Debian: apt install redis-server)"
             : "install it (Debian: apt install valkey-server; on bookworm from bookworm-backports)";
}

bool is_folder(const std::string& path) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

bool is_program(const std::string& path) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::optional<std::string> find_in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  for (std::string_view folder : split(path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin", ':')) {
    std::string candidate = std::string(folder) + "/" + name;
    if (folder.starts_with('/') && is_program(candidate)) return candidate;
  }
  return std::nullopt;
}

std::string absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  char* resolved = ::realpath(path.c_str(), nullptr);
  std::string result = resolved != nullptr ? resolved : path;
  std::free(resolved);
  return result;
}

Result<std::string> find_server(const cluster::EngineSpec& engine) {
  std::string name = server_name(engine.kind);
  if (engine.path.empty()) {
    if (std::optional<std::string> found = find_in_path(name)) return *found;
    return fail(ErrorCode::kNotFound,
                fmt::format("{} is not installed (not found in $PATH); {}, or name the program with --engine "
                            "PATH (spec.engine.path)",
                            name, package_hint(engine.kind)));
  }
  std::string path = absolute(engine.path);
  if (is_folder(path)) path += "/" + name;
  if (is_program(path)) return path;
  if (!file_exists(path)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("spec.engine.path: there is no {}; correct the path, or leave it out to use the "
                            "{} in $PATH",
                            path, name));
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("spec.engine.path: {} is no program that can be started; name a {}", path, name));
}

Status check_version(const EngineProgram& engine, cluster::EngineKind wanted) {
  if (engine.kind != wanted) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{} is {} {}, but the spec asks for {}; set spec.engine.kind to {} or name "
                            "another program",
                            engine.server, cluster::to_string(engine.kind), engine.version,
                            cluster::to_string(wanted), cluster::to_string(engine.kind)));
  }
  int oldest = wanted == cluster::EngineKind::kRedis ? 7 : 8;
  if (engine.major >= oldest) return {};
  return fail(ErrorCode::kUnsupported,
              fmt::format("{} is {} {}, and Keyway needs {}.0 or later; install a newer one, or name one "
                          "with --engine PATH (spec.engine.path)",
                          engine.server, cluster::to_string(wanted), engine.version, oldest));
}

std::string find_client(const EngineProgram& engine) {
  std::string beside = engine.server.substr(0, engine.server.rfind('/') + 1) + client_name(engine.kind);
  if (is_program(beside)) return beside;
  // The other project's client speaks the same protocol.
  cluster::EngineKind other =
      engine.kind == cluster::EngineKind::kRedis ? cluster::EngineKind::kValkey : cluster::EngineKind::kRedis;
  for (cluster::EngineKind kind : {engine.kind, other}) {
    if (std::optional<std::string> found = find_in_path(client_name(kind))) return *found;
  }
  return "";
}

}  // namespace

Result<EngineProgram> parse_engine_version(std::string_view output) {
  EngineProgram engine;
  std::string lower = to_lower(output);
  size_t sign = lower.find(" v=");
  bool valkey = lower.starts_with("valkey");
  if (sign == std::string::npos || (!valkey && !lower.starts_with("redis"))) {
    std::string shown(trim(output.substr(0, output.find('\n'))).substr(0, 80));
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("it is no redis-server or valkey-server: --version printed \"{}\"", shown));
  }
  engine.kind = valkey ? cluster::EngineKind::kValkey : cluster::EngineKind::kRedis;
  std::string_view rest = output.substr(sign + 3);
  engine.version = std::string(rest.substr(0, rest.find_first_of(" \t\r\n")));
  std::vector<std::string_view> parts = split(engine.version, '.');
  std::optional<int64_t> major = parse_int(parts[0]);
  std::optional<int64_t> minor = parts.size() > 1 ? parse_int(parts[1]) : std::optional<int64_t>(0);
  if (!major || !minor || *major < 0 || *major > INT_MAX || *minor < 0 || *minor > INT_MAX) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("it has no version that can be read: \"{}\"", engine.version));
  }
  engine.major = static_cast<int>(*major);
  engine.minor = static_cast<int>(*minor);
  return engine;
}

Result<EngineProgram> find_engine(const cluster::EngineSpec& engine) {
  Result<std::string> server = find_server(engine);
  if (!server) return fail(server.error());
  Result<ShortRun> run = run_briefly(Launch{*server, {"--version"}, "/", ""}, kVersionTimeoutMs);
  if (!run)
    return fail(run.error().code,
                fmt::format("cannot learn the version of {}: {}", *server, run.error().message));
  Result<EngineProgram> found = parse_engine_version(run->output);
  if (!found) return fail(found.error().code, fmt::format("{}: {}", *server, found.error().message));
  found->server = *server;
  if (Status fits = check_version(*found, engine.kind); !fits) return fail(fits.error());
  found->client = find_client(*found);
  return found;
}

}  // namespace keyway::platform::local
