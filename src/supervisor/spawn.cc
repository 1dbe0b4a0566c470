#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"
#include "platform/local/lock.h"
#include "platform/local/paths.h"
#include "platform/local/process.h"
#include "supervisor/control.h"
#include "supervisor/supervisor.h"

namespace keyway::supervisor {
namespace {

using Clock = std::chrono::steady_clock;
using platform::local::Fd;

constexpr auto kStartTimeout = std::chrono::seconds(15);
constexpr int kPauseMs = 10;
constexpr size_t kMaxWordsBytes = 8192;

// The attributes and file actions of posix_spawn, which want to be freed.
struct SpawnSettings {
  SpawnSettings() {
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_init(&actions);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawnattr_t attributes{};
  posix_spawn_file_actions_t actions{};
};

// A session of its own, no signal blocked or ignored, nothing open but /dev/null and, for its last words,
// `words`.
Result<pid_t> spawn(const std::string& cluster, int words) {
  SpawnSettings settings;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setflags(&settings.attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  ::posix_spawnattr_setsigmask(&settings.attributes, &none);
  ::posix_spawnattr_setsigdefault(&settings.attributes, &all);
  ::posix_spawn_file_actions_adddup2(&settings.actions, words, STDERR_FILENO);
  ::posix_spawn_file_actions_addopen(&settings.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&settings.actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addclosefrom_np(&settings.actions, STDERR_FILENO + 1);
  std::string program = "keyway", command = "supervise", name = cluster;
  std::array<char*, 4> arguments = {program.data(), command.data(), name.data(), nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, "/proc/self/exe", &settings.actions, &settings.attributes,
                                  arguments.data(), environ);
  if (error != 0) return fail(platform::local::file_error(error, "start the supervisor"));
  return pid;
}

std::string last_words(int fd) {
  std::string text(kMaxWordsBytes, '\0');
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return std::string(trim(text));
}

bool answers(const std::string& socket) {
  Result<Client> client = Client::connect(socket);
  return client && client->progress(UINT64_MAX);
}

}  // namespace

Status spawn_supervisor(const std::string& cluster) {
  Result<std::string> home = platform::local::find_home();
  if (!home) return fail(home.error());
  const platform::local::ClusterPaths paths = platform::local::cluster_paths(*home, cluster);
  const std::string socket = paths.socket();
  if (answers(socket)) return {};
  Fd words(::memfd_create("keyway supervise", MFD_CLOEXEC));
  if (!words) return fail(platform::local::file_error(errno, "start the supervisor"));
  Result<pid_t> pid = spawn(cluster, words.get());
  if (!pid) return fail(pid.error());
  const auto deadline = Clock::now() + kStartTimeout;
  bool ended = false;
  int status = 0;
  while (Clock::now() < deadline) {
    if (answers(socket)) return {};
    ended = ended || ::waitpid(*pid, &status, WNOHANG) == *pid;
    // Another one that was faster holds the lock, and will answer in a moment.
    if (ended && platform::local::FileLock::holder(paths.lock_file()) == 0) {
      std::string said = last_words(words.get());
      if (said.empty()) said = platform::local::describe_exit(status);
      return fail(ErrorCode::kUnavailable, fmt::format("the supervisor did not start: {}", said));
    }
    ::poll(nullptr, 0, kPauseMs);
  }
  return fail(ErrorCode::kTimeout, fmt::format("the supervisor (pid {}) did not answer within {} s; see {}",
                                               *pid, kStartTimeout.count(), paths.supervisor_log()));
}

}  // namespace keyway::supervisor
