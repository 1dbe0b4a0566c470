#include "engine/snapshot_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/format.h"

namespace keyway::engine {

namespace {

class FileSink : public SnapshotSink {
 public:
  explicit FileSink(std::string path) : path_(std::move(path)) {}
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  ~FileSink() override {
    if (fd_ >= 0) ::close(fd_);
  }

  Status begin() override {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd_ >= 0 ? Status{} : failed("create", errno);
  }

  Status write(std::string_view bytes) override {
    while (!bytes.empty()) {
      ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failed("write", errno);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

  Status finish() override {
    if (::fsync(fd_) != 0) return failed("write", errno);
    return ::close(std::exchange(fd_, -1)) == 0 ? Status{} : failed("write", errno);
  }

 private:
  Status failed(std::string_view what, int error) const {
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    ErrorCode code =
        full ? ErrorCode::kExhausted : (error == EEXIST ? ErrorCode::kAlreadyExists : ErrorCode::kInternal);
    return fail(code, fmt::format("cannot {} {}: {}", what, path_, errno_text(error)));
  }

  std::string path_;
  int fd_ = -1;
};

}  // namespace

std::shared_ptr<SnapshotSink> file_sink(std::string path) {
  return std::make_shared<FileSink>(std::move(path));
}

}  // namespace keyway::engine
