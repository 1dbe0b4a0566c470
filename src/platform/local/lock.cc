#include "platform/local/lock.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::platform::local {

namespace {

constexpr int kRetryMs = 10;
constexpr int kPidTries = 50;  // of a millisecond each: between taking the lock and writing the pid

// Locks of open file descriptions: unlike flock's, they can be asked about without being taken.
struct flock whole_file(short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

int pid_in(int fd) {
  char text[32];
  ssize_t got = ::pread(fd, text, sizeof text, 0);
  if (got <= 0) return 0;
  std::optional<int64_t> pid = parse_int(trim({text, static_cast<size_t>(got)}));
  return pid && *pid > 0 ? static_cast<int>(*pid) : 0;
}

}  // namespace

Result<FileLock> FileLock::take(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return fail(file_error(errno, fmt::format("open the lock {}", path)));
  struct flock whole = whole_file(F_WRLCK);
  if (::fcntl(fd.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES) return fail(file_error(errno, fmt::format("lock {}", path)));
    int pid = pid_in(fd.get());
    return fail(ErrorCode::kConflict, pid != 0 ? fmt::format("{} is held by process {}", path, pid)
                                               : fmt::format("{} is held by another process", path));
  }
  std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), pid.data(), pid.size(), 0) < 0) {
    return fail(file_error(errno, fmt::format("write {}", path)));
  }
  return FileLock(std::move(fd));
}

Result<FileLock> FileLock::take_within(const std::string& path, int64_t timeout_ms) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    Result<FileLock> lock = take(path);
    if (lock || lock.error().code != ErrorCode::kConflict || std::chrono::steady_clock::now() >= deadline)
      return lock;
    ::poll(nullptr, 0, kRetryMs);
  }
}

int FileLock::holder(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return 0;
  for (int i = 0; i < kPidTries; ++i) {
    struct flock whole = whole_file(F_RDLCK);
    if (::fcntl(fd.get(), F_OFD_GETLK, &whole) != 0 || whole.l_type == F_UNLCK) return 0;
    if (int pid = pid_in(fd.get())) return pid;
    ::poll(nullptr, 0, 1);
  }
  return 0;
}

}  // namespace keyway::platform::local
