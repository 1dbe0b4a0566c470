#include "admin/restore_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/format.h"
#include "resp/glob.h"

namespace keyway::admin {

namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;

class LocalFile : public FileSource {
 public:
  LocalFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  LocalFile(const LocalFile&) = delete;
  LocalFile& operator=(const LocalFile&) = delete;
  ~LocalFile() override { ::close(fd_); }

  Result<size_t> read(char* to, size_t size_bytes) override {
    while (true) {
      ssize_t got = ::read(fd_, to, size_bytes);
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR)
        return fail(ErrorCode::kInternal, fmt::format("{} cannot be read: {}", path_, errno_text(errno)));
    }
  }

 private:
  std::string path_;
  int fd_;
};

Error not_opened(const std::string& path, int why) {
  ErrorCode code = why == ENOENT   ? ErrorCode::kNotFound
                   : why == EACCES ? ErrorCode::kDenied
                                   : ErrorCode::kInvalidArgument;
  return Error{code, fmt::format("{} cannot be read: {}", path, errno_text(why))};
}

Result<std::unique_ptr<FileSource>> open_local(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(not_opened(path, errno));
  return std::make_unique<LocalFile>(path, fd);
}

Error in_file(const RestoreFile& file, const Error& error) {
  return Error{error.code, fmt::format("{}: {}", file.name, error.message)};
}

// One file, from begin to end.
class FileWalk {
 public:
  FileWalk(const RestoreFile& file, const SeeEntry& see) : file_(file), see_(see) {}

  // Takes a piece; 0: that was the last.
  Result<size_t> step(FileSource& source) {
    Result<size_t> got = source.read(piece_.data(), piece_.size());
    if (!got) return fail(in_file(file_, got.error()));
    if (*got == 0) {
      if (Status whole = walker_.finish(); !whole) return fail(in_file(file_, whole.error()));
      return size_t{0};
    }
    walker_.feed({piece_.data(), *got});
    while (true) {
      Result<std::optional<rdb::Entry>> entry = walker_.next();
      if (!entry) return fail(in_file(file_, entry.error()));
      if (!*entry) return *got;
      if (Status seen = see_(file_, *walker_.header(), **entry); !seen) return fail(seen.error());
    }
  }

 private:
  const RestoreFile& file_;
  const SeeEntry& see_;
  rdb::Walker walker_;
  std::vector<char> piece_ = std::vector<char>(kPieceBytes);
};

}  // namespace

Result<RestoreFile> file_at(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return fail(not_opened(path, errno));
  return RestoreFile{.name = path, .size_bytes = found.st_size, .open = [path] { return open_local(path); }};
}

Result<bool> walk_files(const std::vector<RestoreFile>& files, const SeeEntry& see, const GoOn& go_on) {
  int64_t read_bytes = 0;
  for (const RestoreFile& file : files) {
    Result<std::unique_ptr<FileSource>> source = file.open();
    if (!source) return fail(source.error());
    FileWalk walk(file, see);
    while (true) {
      if (!go_on(read_bytes)) return false;
      Result<size_t> got = walk.step(**source);
      if (!got) return fail(got.error());
      if (*got == 0) break;
      read_bytes += static_cast<int64_t>(*got);
    }
  }
  return true;
}

bool is_wanted(const RestoreOptions& options, const rdb::Entry& entry) {
  if (options.database && entry.database != *options.database) return false;
  return options.pattern.empty() || resp::matches_glob(options.pattern, entry.key);
}

}  // namespace keyway::admin
