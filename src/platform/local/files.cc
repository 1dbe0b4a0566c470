#include "platform/local/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/format.h"

namespace keyway::platform::local {

namespace {

constexpr int kMaxFolderDepth = 32;

// Writes all of it; 0 or an errno value.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

// Appends up to `limit` bytes; 0 or an errno value.
int read_up_to(int fd, size_t limit, std::string& text) {
  char block[16 * 1024];
  while (text.size() < limit) {
    ssize_t got = ::read(fd, block, std::min(sizeof block, limit - text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    text.append(block, static_cast<size_t>(got));
  }
  return 0;
}

std::string folder_part(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
}

// Deletes what is in the folder open at `fd`, which it closes. 0 or an errno value.
int delete_contents(Fd fd, int depth) {
  if (depth > kMaxFolderDepth) return ELOOP;
  int list_fd = ::dup(fd.get());
  if (list_fd < 0) return errno;
  std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(list_fd), ::closedir);
  if (!list) {
    int error_number = errno;
    ::close(list_fd);
    return error_number;
  }
  while (dirent* entry = ::readdir(list.get())) {
    std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (::unlinkat(fd.get(), entry->d_name, 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM) return errno;
    Fd below(::openat(fd.get(), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below) return errno;
    if (int error_number = delete_contents(std::move(below), depth + 1)) return error_number;
    if (::unlinkat(fd.get(), entry->d_name, AT_REMOVEDIR) != 0 && errno != ENOENT) return errno;
  }
  return 0;
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int Fd::release() {
  int fd = fd_;
  fd_ = -1;
  return fd;
}

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Error file_error(int error_number, std::string_view what) {
  std::string message = fmt::format("cannot {}: {}", what, errno_text(error_number));
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return {ErrorCode::kExhausted, message + "; free some space and try again"};
    case EMFILE:
    case ENFILE:
      return {ErrorCode::kExhausted, message + "; raise the limit of open files (ulimit -n)"};
    case EACCES:
    case EPERM:
    case EROFS:
      return {ErrorCode::kDenied, std::move(message)};
    case ENOENT:
      return {ErrorCode::kNotFound, std::move(message)};
    default:
      return {ErrorCode::kInternal, std::move(message)};
  }
}

Status replace_file(const std::string& path, std::string_view text, Durability durability) {
  if (Result<std::string> old = read_file(path, text.size() + 1); old && *old == text) return {};
  std::string temporary = path + ".new";
  Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(file_error(errno, fmt::format("write {}", path)));
  int error_number = ::fchmod(fd.get(), 0600) != 0 ? errno : write_all(fd.get(), text);
  if (error_number == 0 && durability == Durability::kDurable && ::fsync(fd.get()) != 0) error_number = errno;
  if (error_number == 0 && ::close(fd.release()) != 0) error_number = errno;
  if (error_number == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error_number = errno;
  if (error_number != 0) {
    ::unlink(temporary.c_str());
    return fail(file_error(error_number, fmt::format("write {}", path)));
  }
  return durability == Durability::kDurable ? sync_folder(folder_part(path)) : Status{};
}

Result<std::string> read_file(const std::string& path, size_t max_size_bytes) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(file_error(errno, fmt::format("read {}", path)));
  std::string text;
  if (int error_number = read_up_to(fd.get(), max_size_bytes + 1, text)) {
    return fail(file_error(error_number, fmt::format("read {}", path)));
  }
  if (text.size() > max_size_bytes) {
    return fail(ErrorCode::kExhausted, fmt::format("{} is larger than {} bytes", path, max_size_bytes));
  }
  return text;
}

std::string read_tail(const std::string& path, int64_t from_offset, size_t max_size_bytes) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about{};
  if (!fd || ::fstat(fd.get(), &about) != 0) return {};
  int64_t from =
      std::max(from_offset, static_cast<int64_t>(about.st_size) - static_cast<int64_t>(max_size_bytes));
  if (from >= about.st_size || ::lseek(fd.get(), std::max<int64_t>(from, 0), SEEK_SET) < 0) return {};
  std::string text;
  if (read_up_to(fd.get(), max_size_bytes, text) != 0) return {};
  return text;
}

bool file_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

int64_t file_size(const std::string& path) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 ? about.st_size : 0;
}

Status sync_folder(const std::string& folder) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0)
    return fail(file_error(errno, fmt::format("sync the folder {}", folder)));
  return {};
}

Status delete_folder(const std::string& folder) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && errno == ENOENT) return {};
  int error_number = fd ? delete_contents(std::move(fd), 0) : errno;
  if (error_number == 0 && ::rmdir(folder.c_str()) != 0 && errno != ENOENT) error_number = errno;
  if (error_number != 0) return fail(file_error(error_number, fmt::format("delete {}", folder)));
  return {};
}

}  // namespace keyway::platform::local
