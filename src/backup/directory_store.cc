#include "backup/directory_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"
#include "platform/local/random.h"

namespace keyway::backup {

namespace {

namespace fs = std::filesystem;
namespace local = platform::local;

constexpr size_t kRandomBytes = 6;
constexpr int kMaxDepth = 16;

Status failed(std::string_view what, const std::string& path, int error_number) {
  return fail(local::file_error(error_number, fmt::format("{} {}", what, path)));
}

class FileWriter : public ObjectWriter {
 public:
  FileWriter(std::string path, std::string unfinished, local::Fd fd)
      : path_(std::move(path)), unfinished_(std::move(unfinished)), fd_(std::move(fd)) {}
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  ~FileWriter() override {
    if (!committed_) ::unlink(unfinished_.c_str());
  }

  Status write(std::string_view bytes) override {
    while (!bytes.empty()) {
      ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failed("write", path_, errno);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

  Status commit() override {
    if (::fsync(fd_.get()) != 0 || ::close(fd_.release()) != 0) return failed("write", path_, errno);
    if (::rename(unfinished_.c_str(), path_.c_str()) != 0) return failed("write", path_, errno);
    committed_ = true;
    return local::sync_folder(fs::path(path_).parent_path());
  }

 private:
  std::string path_;
  std::string unfinished_;
  local::Fd fd_;
  bool committed_ = false;
};

class FileReader : public ObjectReader {
 public:
  FileReader(std::string path, local::Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  Result<size_t> read(char* to, size_t size_bytes) override {
    while (true) {
      ssize_t got = ::read(fd_.get(), to, size_bytes);
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) return fail(local::file_error(errno, fmt::format("read {}", path_)));
    }
  }

 private:
  std::string path_;
  local::Fd fd_;
};

// Makes a folder and those above it, each of them lasting.
Status make_folders(const fs::path& folder) {
  struct stat about{};
  if (::stat(folder.c_str(), &about) == 0) {
    return S_ISDIR(about.st_mode) ? Status{} : failed("make the folder", folder, ENOTDIR);
  }
  fs::path above = folder.has_parent_path() ? folder.parent_path() : fs::path(".");
  if (above != folder) {
    if (Status made = make_folders(above); !made) return made;
  }
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failed("make the folder", folder, errno);
  return local::sync_folder(above);
}

class DirectoryStore : public Store {
 public:
  explicit DirectoryStore(std::string root) : root_(std::move(root)) {}

  const std::string& url() const override { return root_; }
  Result<std::unique_ptr<ObjectWriter>> put(const std::string& name) override;
  Result<std::unique_ptr<ObjectReader>> get(const std::string& name, int64_t from_bytes) override;
  Result<std::vector<ObjectInfo>> list(const std::string& folder) override;
  Status remove(const std::string& name) override;

 private:
  std::string path_of(const std::string& name) const { return root_ + "/" + name; }

  std::string root_;
};

Status check_name(const std::string& name) {
  if (is_object_name(name)) return {};
  return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is no name of an object", name));
}

Result<std::unique_ptr<ObjectWriter>> DirectoryStore::put(const std::string& name) {
  if (Status checked = check_name(name); !checked) return fail(checked.error());
  std::string path = path_of(name);
  if (Status made = make_folders(fs::path(path).parent_path()); !made) return fail(made.error());
  std::string unfinished = fmt::format("{}.{}.part", path, hex(local::random_bytes(kRandomBytes)));
  local::Fd fd(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return fail(local::file_error(errno, fmt::format("write {}", path)));
  return std::make_unique<FileWriter>(std::move(path), std::move(unfinished), std::move(fd));
}

Result<std::unique_ptr<ObjectReader>> DirectoryStore::get(const std::string& name, int64_t from_bytes) {
  if (Status checked = check_name(name); !checked) return fail(checked.error());
  std::string path = path_of(name);
  local::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(local::file_error(errno, fmt::format("read {}", path)));
  if (from_bytes > 0 && ::lseek(fd.get(), from_bytes, SEEK_SET) < 0)
    return fail(local::file_error(errno, fmt::format("read {}", path)));
  return std::make_unique<FileReader>(std::move(path), std::move(fd));
}

int64_t changed_ms(const struct stat& about) {
  return int64_t{about.st_mtim.tv_sec} * 1000 + about.st_mtim.tv_nsec / 1'000'000;
}

Result<std::vector<ObjectInfo>> DirectoryStore::list(const std::string& folder) {
  std::error_code error;
  fs::file_status root = fs::status(root_, error);
  if (!fs::is_directory(root)) {
    bool missing = root.type() == fs::file_type::not_found;
    return fail(local::file_error(missing ? ENOENT : error ? error.value() : ENOTDIR, "read " + root_));
  }
  std::vector<ObjectInfo> objects;
  fs::recursive_directory_iterator each(folder.empty() ? root_ : path_of(folder), error);
  // A folder that disappears while it is read has been removed by somebody else.
  for (; !error && each != fs::recursive_directory_iterator(); each.increment(error)) {
    if (each.depth() >= kMaxDepth) each.disable_recursion_pending();
    struct stat about{};
    if (::lstat(each->path().c_str(), &about) != 0 || !S_ISREG(about.st_mode)) continue;
    std::string name = each->path().lexically_relative(root_).string();
    if (is_object_name(name)) objects.push_back({std::move(name), about.st_size, changed_ms(about)});
    if (objects.size() > kMaxObjects) {
      return fail(ErrorCode::kExhausted,
                  fmt::format("{} holds more than {} files: is it a folder of backups?", root_, kMaxObjects));
    }
  }
  if (error && error.value() != ENOENT) return fail(local::file_error(error.value(), "read " + root_));
  std::ranges::sort(objects, {}, &ObjectInfo::name);
  return objects;
}

Status DirectoryStore::remove(const std::string& name) {
  if (Status checked = check_name(name); !checked) return checked;
  fs::path path = path_of(name);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("delete", path, errno);
  // Folders that are empty by now; one that is not, stays.
  for (fs::path above = path.parent_path(); above.native().size() > root_.size();
       above = above.parent_path()) {
    if (::rmdir(above.c_str()) != 0) break;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> open_directory_store(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path.empty()) return fail(ErrorCode::kInvalidArgument, "the folder for backups has no name");
  return std::make_unique<DirectoryStore>(std::move(path));
}

}  // namespace keyway::backup
