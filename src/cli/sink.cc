#include "cli/sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/format.h"

namespace keyway::cli {

Sink::Sink(int fd, size_t max_pending_bytes) : fd_(fd), max_pending_bytes_(max_pending_bytes) {
  struct stat status{};
  if (fstat(fd, &status) != 0) return;
  socket_ = S_ISSOCK(status.st_mode);
  // O_NONBLOCK belongs to the open file, which the shell and other programs share; so it is set on one opened
  // anew. A regular file never waits for a reader and must keep its position.
  if (!S_ISCHR(status.st_mode) && !S_ISFIFO(status.st_mode)) return;
  int again = open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (again < 0) return;
  fd_ = again;
  own_ = true;
}

Sink::~Sink() {
  if (own_) close(fd_);
}

bool Sink::offer(std::string_view text) {
  if (broken_) return true;
  flush();
  if (pending_.size() + text.size() > max_pending_bytes_) return false;
  pending_ += text;
  flush();
  return true;
}

bool Sink::flush() {
  while (!pending_.empty() && !broken_) {
    ssize_t written = socket_ ? send(fd_, pending_.data(), pending_.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                              : write(fd_, pending_.data(), pending_.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (written < 0) {
      broken_ = true;
      pending_.clear();
    } else {
      pending_.erase(0, static_cast<size_t>(written));
    }
  }
  return true;
}

bool Sink::drain(int64_t timeout_ms) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (!flush()) {
    auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting{fd_, POLLOUT, 0};
    poll(&waiting, 1, static_cast<int>(left.count()));
  }
  return true;
}

}  // namespace keyway::cli
