#include "base/bounded_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace keyway {

int BoundedFile::open() {
  int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
  if (file < 0) return errno;
  struct stat about{};
  int error_number = ::fstat(file, &about) != 0 ? errno : 0;
  if (error_number == 0 && !S_ISREG(about.st_mode)) error_number = EINVAL;  // a device keeps its mode
  if (error_number == 0 && ::fchmod(file, 0600) != 0) error_number = errno;
  if (error_number != 0) {
    ::close(file);
    return error_number;
  }
  close();
  file_ = file;
  size_bytes_ = static_cast<size_t>(about.st_size);
  return 0;
}

bool BoundedFile::append(std::string_view line) {
  if (file_ >= 0 && size_bytes_ > 0 && size_bytes_ + line.size() > max_size_bytes_) turn();
  if (file_ < 0 && open() != 0) return false;
  ssize_t written = 0;
  do {
    written = ::write(file_, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written > 0) size_bytes_ += static_cast<size_t>(written);
  return written == static_cast<ssize_t>(line.size());
}

void BoundedFile::turn() {
  std::string older = path_ + ".1";
  if (std::rename(path_.c_str(), older.c_str()) == 0) {
    close();
  } else if (::ftruncate(file_, 0) == 0) {
    size_bytes_ = 0;  // the bound holds even where the folder cannot be written
  }
}

void BoundedFile::close() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  size_bytes_ = 0;
}

}  // namespace keyway
