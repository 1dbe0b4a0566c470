#include "backup/trial_folder.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

#include "backup/waiting.h"
#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"
#include "platform/local/process.h"
#include "platform/local/resources.h"

namespace keyway::backup {

namespace {

namespace fs = std::filesystem;
namespace local = platform::local;

constexpr std::string_view kPrefix = "keyway-verify-";
constexpr std::string_view kLockName = "/lock";
constexpr int kTries = 5;
constexpr int64_t kEndTimeoutMs = 10'000;
constexpr int64_t kMarginBytes = int64_t{32} << 20;

std::string default_base() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/var/tmp";
}

// Ours and for nobody else: others may have made one of such a name.
bool is_trial_folder(const fs::path& path) {
  struct stat about{};
  return path.filename().string().starts_with(kPrefix) && ::lstat(path.c_str(), &about) == 0 &&
         S_ISDIR(about.st_mode) && about.st_uid == ::geteuid() && (about.st_mode & 077) == 0;
}

bool is_its_server(int pid, const std::string& folder) {
  if (local::folder_of(pid) != folder || !local::leads_session(pid)) return false;
  std::vector<std::string> words = local::words_of(pid);
  return std::ranges::find(words, folder + "/server.conf") != words.end();
}

void end_servers(const std::string& folder) {
  for (int pid : local::all_pids()) {
    std::optional<local::ProcessIdentity> process = local::identify(pid);
    if (!process || !is_its_server(pid, folder)) continue;
    if (!local::send_signal(*process, SIGKILL)) continue;
    wait_unless([&] { return !local::is_alive(*process); }, kEndTimeoutMs);
  }
}

// Whoever holds the lock is at work; one without a lock is being made.
void remove_if_left(const std::string& folder) {
  if (!local::file_exists(folder + std::string(kLockName))) return;
  Result<local::FileLock> lock = local::FileLock::take(folder + std::string(kLockName));
  if (!lock) return;
  end_servers(folder);
  (void)local::delete_folder(folder);  // what cannot be deleted is tried again by the next run
}

void remove_leftovers(const fs::path& base) {
  std::error_code failed;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(base, failed); !failed && entry != fs::directory_iterator();
       entry.increment(failed)) {
    if (is_trial_folder(entry->path())) found.push_back(entry->path());
  }
  for (const fs::path& path : found) remove_if_left(path.string());
}

}  // namespace

Result<TrialFolder> TrialFolder::make(const std::string& base) {
  std::error_code failed;
  fs::path parent = fs::canonical(base.empty() ? default_base() : base, failed);
  if (failed) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}, where a server is to try the backup, cannot be used: {}; name another "
                            "folder with --scratch",
                            base.empty() ? default_base() : base, failed.message()));
  }
  remove_leftovers(parent);
  std::string problem;
  for (int i = 0; i < kTries; ++i) {
    std::string path = (parent / fmt::format("{}XXXXXX", kPrefix)).string();
    if (::mkdtemp(path.data()) == nullptr)
      return fail(local::file_error(errno, fmt::format("make a folder in {}", parent.string())));
    // Another run that looks for leftovers at this very moment may be first; it takes the folder away.
    Result<local::FileLock> lock = local::FileLock::take(path + std::string(kLockName));
    if (lock && local::file_exists(path + std::string(kLockName)))
      return TrialFolder(std::move(path), std::move(*lock));
    if (!lock) problem = lock.error().message;
    (void)local::delete_folder(path);
  }
  return fail(ErrorCode::kInternal, fmt::format("no folder of our own in {}: {}", parent.string(), problem));
}

TrialFolder::TrialFolder(TrialFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}

TrialFolder::~TrialFolder() {
  if (!path_.empty()) (void)local::delete_folder(path_);
}

Status TrialFolder::check_room(int64_t size_bytes) const {
  Result<int64_t> free_bytes = local::free_disk_bytes(path_);
  if (!free_bytes) return fail(free_bytes.error());
  if (*free_bytes >= size_bytes + kMarginBytes) return {};
  return fail(
      ErrorCode::kExhausted,
      fmt::format("{} are free in {}, and a shard of {} is to be put there; name a folder with more "
                  "room with --scratch",
                  human_bytes(*free_bytes), fs::path(path_).parent_path().string(), human_bytes(size_bytes)));
}

}  // namespace keyway::backup
