#include "supervisor/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/format.h"

namespace keyway::supervisor {
namespace {

using platform::local::Fd;
using platform::local::file_error;

constexpr int kBacklog = 64;

// False: the name alone is too long for an address, which no name of ours is.
bool fill(sockaddr_un& address, int folder_fd, const std::string& name) {
  const std::string path = fmt::format("/proc/self/fd/{}/{}", folder_fd, name);
  if (path.size() >= sizeof(address.sun_path)) return false;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return true;
}

tl::unexpected<Error> name_too_long(const std::string& path) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("the name of the socket {} is too long", path));
}

}  // namespace

Result<SocketPlace> SocketPlace::open(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  Fd fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(file_error(errno, fmt::format("open the folder {}", folder)));
  return SocketPlace(std::move(fd), name, path);
}

Result<Fd> SocketPlace::listen() const {
  sockaddr_un address{};
  if (!fill(address, folder_.get(), name_)) return name_too_long(path_);
  const std::string what = fmt::format("listen on {}", path_);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail(file_error(errno, what));
  if (::unlinkat(folder_.get(), name_.c_str(), 0) != 0 && errno != ENOENT)
    return fail(file_error(errno, what));
  // The file gets the mode that the socket has when it is bound, so that it is never open to others.
  if (::fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0) return fail(file_error(errno, what));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return fail(file_error(errno, what));
  }
  return fd;
}

Result<Fd> SocketPlace::connect(int64_t timeout_ms) const {
  sockaddr_un address{};
  if (!fill(address, folder_.get(), name_)) return name_too_long(path_);
  const std::string what = fmt::format("connect to {}", path_);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail(file_error(errno, what));
  // A full backlog makes connect wait; this bounds it.
  timeval limit{};
  limit.tv_sec = timeout_ms / 1000;
  limit.tv_usec = (timeout_ms % 1000) * 1000;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  if (errno == ENOENT || errno == ECONNREFUSED) {
    return fail(ErrorCode::kNotFound, fmt::format("no supervisor listens on {}", path_));
  }
  if (errno == EAGAIN) {
    return fail(ErrorCode::kTimeout,
                fmt::format("the supervisor at {} accepted no connection within {} ms", path_, timeout_ms));
  }
  return fail(file_error(errno, what));
}

void SocketPlace::remove() const { ::unlinkat(folder_.get(), name_.c_str(), 0); }

}  // namespace keyway::supervisor
