#include "platform/local/node_files.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <string_view>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"
#include "platform/local/server_config.h"

namespace keyway::platform::local {

namespace {

constexpr int64_t kMaxLogBytes = 8 << 20;
constexpr int kMaxAsideTries = 100;  // in one second
constexpr std::string_view kAppendOnly = "appendonly";
constexpr std::string_view kSnapshot = "dump.rdb";
constexpr std::string_view kAppendOnlyFolder = "appendonlydir";
constexpr std::string_view kManifest = "appendonlydir/appendonly.aof.manifest";

std::string below(const NodePaths& paths, std::string_view name) {
  return paths.folder + "/" + std::string(name);
}

std::string utc_stamp(int64_t wall_ms) {
  std::time_t seconds = wall_ms / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[32];
  size_t length = std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
  return {text, length};
}

Status rename_aside(const std::string& path, const std::string& stamp) {
  for (int i = 0; i < kMaxAsideTries; ++i) {
    std::string to =
        i == 0 ? fmt::format("{}.aside-{}", path, stamp) : fmt::format("{}.aside-{}-{}", path, stamp, i);
    if (file_exists(to)) continue;
    if (std::rename(path.c_str(), to.c_str()) == 0 || errno == ENOENT) return {};
    return fail(file_error(errno, fmt::format("rename {} to {}", path, to)));
  }
  return fail(ErrorCode::kConflict,
              fmt::format("{} was put aside {} times in a second", path, kMaxAsideTries));
}

}  // namespace

cluster::DataOnDisk data_on_disk(const NodePaths& paths, bool appendonly) {
  bool present = file_size(below(paths, appendonly ? kManifest : kSnapshot)) > 0;
  return present ? cluster::DataOnDisk::kPresent : cluster::DataOnDisk::kNone;
}

cluster::ServerConfig config_that_loads(const NodePaths& paths, const cluster::ServerConfig& config) {
  bool wanted = appendonly_in(config);
  Result<std::string> last_text = read_file(paths.config_file());
  if (!last_text) return config;
  bool last = appendonly_in(read_server_config(*last_text));
  if (last == wanted || data_on_disk(paths, last) == cluster::DataOnDisk::kNone) return config;
  cluster::ServerConfig loading = config;
  loading[std::string(kAppendOnly)] = last ? "yes" : "no";
  return loading;
}

bool appendonly_in(const cluster::ServerConfig& config) {
  auto found = config.find(std::string(kAppendOnly));
  return found != config.end() && to_lower(trim(found->second)) == "yes";
}

Status set_aside(const NodePaths& paths, bool table, int64_t wall_ms) {
  std::string stamp = utc_stamp(wall_ms);
  for (std::string_view name : {kSnapshot, kAppendOnlyFolder}) {
    std::string path = below(paths, name);
    if (!file_exists(path)) continue;
    if (Status renamed = rename_aside(path, stamp); !renamed) return renamed;
  }
  if (table) return set_table_aside(paths, wall_ms);
  return file_exists(paths.folder) ? sync_folder(paths.folder) : Status{};
}

Status set_table_aside(const NodePaths& paths, int64_t wall_ms) {
  if (file_exists(paths.node_table())) {
    if (Status renamed = rename_aside(paths.node_table(), utc_stamp(wall_ms)); !renamed) return renamed;
  }
  return file_exists(paths.folder) ? sync_folder(paths.folder) : Status{};
}

bool turn_log(const NodePaths& paths) {
  std::string log = paths.log_file();
  if (file_size(log) <= kMaxLogBytes) return false;
  return std::rename(log.c_str(), (log + ".1").c_str()) == 0;
}

}  // namespace keyway::platform::local
