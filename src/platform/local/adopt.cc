#include "platform/local/adopt.h"

#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <vector>

namespace keyway::platform::local {

namespace {

// As /proc shows working directories: without symbolic links.
std::string resolve(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  std::string result = resolved != nullptr ? resolved : path;
  std::free(resolved);
  return result;
}

constexpr std::string_view kProxyCommand = "proxy";

// Shells, clients and editors may be at work in the folder too.
bool has_a_servers_name(int pid) { return name_of(pid).find("-server") != std::string::npos; }

}  // namespace

std::map<std::string, ProcessIdentity> find_servers(const ClusterPaths& paths) {
  std::map<std::string, ProcessIdentity> servers;
  std::string prefix = resolve(paths.nodes_folder()) + "/";
  for (int pid : all_pids()) {
    std::string folder = folder_of(pid);
    if (!folder.starts_with(prefix) || folder.find('/', prefix.size()) != std::string::npos) continue;
    if (!has_a_servers_name(pid) || !leads_session(pid)) continue;
    if (std::optional<ProcessIdentity> process = identify(pid))
      servers[folder.substr(prefix.size())] = *process;
  }
  return servers;
}

std::optional<ProcessIdentity> find_proxy(const ClusterPaths& paths) {
  std::string wanted = resolve(paths.proxy().folder);
  for (int pid : all_pids()) {
    if (folder_of(pid) != wanted || !leads_session(pid)) continue;
    std::vector<std::string> words = words_of(pid);
    if (words.size() > 1 && words[1] == kProxyCommand) return identify(pid);
  }
  return std::nullopt;
}

bool is_server_of(int pid, const NodePaths& paths) {
  return pid > 0 && folder_of(pid) == resolve(paths.folder) && has_a_servers_name(pid);
}

int64_t started_wall_ms(const ProcessIdentity& process, int64_t wall_ms) {
  std::timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  int64_t now_ms = since_boot.tv_sec * 1000 + since_boot.tv_nsec / 1'000'000;
  int64_t started_ms = static_cast<int64_t>(process.start_ticks) * 1000 / ::sysconf(_SC_CLK_TCK);
  return wall_ms - (now_ms - started_ms);
}

}  // namespace keyway::platform::local
