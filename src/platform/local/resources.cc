#include "platform/local/resources.h"

#include <sys/resource.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"

namespace keyway::platform::local {

namespace {

constexpr int64_t kMinFreeDiskBytes = 50 << 20;
constexpr int64_t kDefaultMaxClients = 10'000;  // the servers' own
constexpr int64_t kServerDescriptors = 32;      // that a server keeps for itself (CONFIG_MIN_RESERVED_FDS)
constexpr int64_t kClusterDescriptors = 2;      // bus links for each other node
constexpr int64_t kFewestClients = 32;
constexpr int64_t kSupervisorDescriptors = 64;  // log, lock, sockets, epoll
constexpr int64_t kSupervisorPerNode = 4;       // its pidfd, its connection, and files while it starts
constexpr size_t kMaxMeminfoBytes = 64 * 1024;

int64_t node_count(const cluster::Spec& spec) {
  int64_t count = 0;
  for (const cluster::PartitionSpec& partition : spec.partitions) count += 1 + partition.replicas;
  return count;
}

int64_t wished_clients(const cluster::Spec& spec) {
  auto found = spec.config.find("maxclients");
  if (found == spec.config.end()) return kDefaultMaxClients;
  return parse_int(found->second).value_or(kDefaultMaxClients);
}

Status check_descriptors(const cluster::Spec& spec, std::vector<std::string>& warnings) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return {};
  auto allowed = static_cast<int64_t>(std::min<rlim_t>(limit.rlim_max, INT64_MAX));
  int64_t nodes = node_count(spec);
  int64_t server_base = kServerDescriptors + kClusterDescriptors * nodes;
  int64_t supervisor = kSupervisorDescriptors + kSupervisorPerNode * nodes;
  int64_t least = std::max(server_base + kFewestClients, supervisor);
  if (allowed < least) {
    return fail(ErrorCode::kExhausted,
                fmt::format("the limit of open files is {}, and a cluster of {} needs at least {} in each "
                            "process; raise it (ulimit "
                            "-n {}, or LimitNOFILE= of a systemd service)",
                            allowed, count_of(nodes, "server"), least, std::max<int64_t>(least, 4096)));
  }
  bool asked_for = spec.config.contains("maxclients");
  int64_t clients = allowed - server_base;
  if (clients < (asked_for ? wished_clients(spec) : int64_t{1000})) {
    warnings.push_back(fmt::format(
        "the limit of open files ({}) allows a server {} clients only; raise it (ulimit -n) for more",
        allowed, clients));
  }
  return {};
}

Status check_disk(const std::string& folder) {
  Result<int64_t> free_bytes = free_disk_bytes(folder);
  if (!free_bytes) return fail(free_bytes.error());
  if (*free_bytes >= kMinFreeDiskBytes) return {};
  return fail(ErrorCode::kExhausted,
              fmt::format("{} are free in {}, and at least {} are needed; free some space or set KEYWAY_HOME "
                          "to a folder on another disk",
                          human_bytes(*free_bytes), folder, human_bytes(kMinFreeDiskBytes)));
}

void check_memory(const cluster::Spec& spec, std::vector<std::string>& warnings) {
  int64_t wanted = 0;
  for (const cluster::PartitionSpec& partition : spec.partitions) {
    wanted += partition.memory_bytes.value_or(0) * (1 + partition.replicas);
  }
  std::optional<int64_t> available = available_memory_bytes();
  if (!available || wanted <= *available) return;
  warnings.push_back(fmt::format(
      "the servers may take {} in all, and {} of memory are free; choose less memory for each or fewer "
      "servers",
      human_bytes(wanted), human_bytes(*available)));
}

}  // namespace

Result<int64_t> free_disk_bytes(const std::string& folder) {
  struct statvfs about{};
  if (::statvfs(folder.c_str(), &about) != 0)
    return fail(file_error(errno, fmt::format("look at {}", folder)));
  return static_cast<int64_t>(about.f_bavail) * static_cast<int64_t>(about.f_frsize);
}

std::optional<int64_t> available_memory_bytes() {
  Result<std::string> text = read_file("/proc/meminfo", kMaxMeminfoBytes);
  if (!text) return std::nullopt;
  for (std::string_view line : split(*text, '\n')) {
    std::vector<std::string_view> words = split_blanks(line);
    if (words.size() == 3 && words[0] == "MemAvailable:") {
      if (std::optional<int64_t> kib = parse_int(words[1])) return *kib * 1024;
    }
  }
  return std::nullopt;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  // What a server with the default number of clients asks for; it would raise its own limit itself, but warns
  // if it cannot.
  auto useful = static_cast<rlim_t>(kDefaultMaxClients + 1024);
  rlim_t wanted = limit.rlim_max == RLIM_INFINITY ? useful : std::min(limit.rlim_max, useful);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<std::vector<std::string>> check_resources(const cluster::Spec& spec, const std::string& folder) {
  std::vector<std::string> warnings;
  if (Status enough = check_descriptors(spec, warnings); !enough) return fail(enough.error());
  if (Status enough = check_disk(folder); !enough) return fail(enough.error());
  check_memory(spec, warnings);
  return warnings;
}

}  // namespace keyway::platform::local
