#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "admin/backup_plan.h"
#include "admin/throttle.h"
#include "admin/transfer.h"
#include "base/format.h"
#include "base/strings.h"
#include "engine/snapshot_file.h"

namespace keyway::admin {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnfinished = ".part";
constexpr std::string_view kTopologyFile = "nodes.json";

Status failed(std::string_view what, const std::string& path, int error) {
  bool full = error == ENOSPC || error == EDQUOT;
  return fail(full ? ErrorCode::kExhausted : ErrorCode::kInternal,
              fmt::format("cannot {} {}: {}", what, path, errno_text(error)));
}

// The folder of a backup. What was put there disappears with this object unless it was kept.
class BackupFolder {
 public:
  explicit BackupFolder(std::string path) : path_(std::move(path)) {}
  BackupFolder(const BackupFolder&) = delete;
  BackupFolder& operator=(const BackupFolder&) = delete;
  ~BackupFolder();

  Status prepare();
  // The path of a file to be; it gets its name when the backup is kept.
  std::string begin(const std::string& name);
  void forget(const std::string& name);
  Status write(const std::string& name, const std::string& text);
  Status keep();

 private:
  std::string unfinished(const std::string& name) const {
    return path_ + "/" + name + std::string(kUnfinished);
  }

  std::string path_;
  bool made_ = false;
  bool kept_ = false;
  std::vector<std::string> names_;
};

BackupFolder::~BackupFolder() {
  if (kept_) return;
  std::error_code ignored;
  for (const std::string& name : names_) {
    fs::remove(unfinished(name), ignored);
    fs::remove(path_ + "/" + name, ignored);
  }
  if (made_) fs::remove(path_, ignored);
}

Status BackupFolder::prepare() {
  std::error_code error;
  fs::file_status status = fs::status(path_, error);
  if (fs::is_directory(status)) {
    bool empty = fs::is_empty(path_, error);
    if (error) return failed("read", path_, error.value());
    if (empty) return {};
    return fail(ErrorCode::kAlreadyExists,
                fmt::format("the folder {} is not empty; give one that is new or empty", path_));
  }
  if (fs::exists(status)) return fail(ErrorCode::kAlreadyExists, path_ + " is a file, not a folder");
  if (::mkdir(path_.c_str(), 0700) != 0) return failed("make the folder", path_, errno);
  made_ = true;
  return {};
}

std::string BackupFolder::begin(const std::string& name) {
  names_.push_back(name);
  return unfinished(name);
}

void BackupFolder::forget(const std::string& name) {
  std::error_code ignored;
  fs::remove(unfinished(name), ignored);
  std::erase(names_, name);
}

Status BackupFolder::write(const std::string& name, const std::string& text) {
  std::string path = begin(name);
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return failed("create", path, errno);
  bool written =
      ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  int error = errno;
  ::close(fd);
  return written ? Status{} : failed("write", path, error);
}

Status BackupFolder::keep() {
  for (const std::string& name : names_) {
    if (::rename(unfinished(name).c_str(), (path_ + "/" + name).c_str()) != 0) {
      return failed("rename", unfinished(name), errno);
    }
  }
  int fd = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool synced = fd >= 0 && ::fsync(fd) == 0;
  int error = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) return failed("write", path_, error);
  kept_ = true;
  return {};
}

class Backup {
 public:
  Backup(Session& session, const Address& seed, const BackupOptions& options)
      : session_(session), seed_(seed), options_(options), folder_(options.folder) {}

  Result<BackupResult> run();

 private:
  Status take_files();
  Result<cluster::Observed> look_again() const;
  std::vector<engine::SnapshotOutcome> take(const std::vector<size_t>& which);
  bool go_on(int64_t size_bytes);

  Session& session_;
  const Address& seed_;
  const BackupOptions& options_;
  BackupFolder folder_;
  std::vector<BackupSource> sources_;
  std::vector<ShardBackup> shards_;
  int64_t finished_bytes_ = 0;
  Rate rate_;
};

bool Backup::go_on(int64_t size_bytes) {
  int64_t done = finished_bytes_ + size_bytes;
  rate_.count(done, now_ms());
  session_.reporter.progress({.what = "backing up",
                              .done = done,
                              .total = -1,
                              .unit = "bytes",
                              .keys = -1,
                              .bytes = done,
                              .keys_per_s = -1,
                              .bytes_per_s = rate_.per_s(),
                              .left_ms = -1});
  return !session_.interrupted();
}

std::vector<engine::SnapshotOutcome> Backup::take(const std::vector<size_t>& which) {
  std::vector<engine::SnapshotTask> tasks;
  for (size_t i : which)
    tasks.push_back({shards_[i].source, engine::file_sink(folder_.begin(shards_[i].file))});
  engine::SnapshotOptions how;
  how.account = options_.account;
  how.fleet = options_.fleet;
  how.go_on = [this](int64_t size_bytes) { return go_on(size_bytes); };
  return engine::take_snapshots(tasks, how);
}

// A replica that fails is replaced by its primary, once.
Status Backup::take_files() {
  std::vector<size_t> open;
  for (const BackupSource& source : sources_) {
    open.push_back(shards_.size());
    shards_.push_back({source.id, source.source, source.id + ".rdb", source.slots, 0});
  }
  while (!open.empty()) {
    std::vector<engine::SnapshotOutcome> outcomes = take(open);
    std::vector<size_t> again;
    for (size_t i = 0; i < open.size(); ++i) {
      ShardBackup& shard = shards_[open[i]];
      if (!outcomes[i].error) {
        shard.size_bytes = outcomes[i].size_bytes;
        finished_bytes_ += shard.size_bytes;
        continue;
      }
      const Address& primary = sources_[open[i]].primary;
      bool of_server = outcomes[i].error->code == ErrorCode::kUnavailable;
      if (!of_server || shard.source == primary || session_.interrupted()) return fail(*outcomes[i].error);
      session_.reporter.warn(fmt::format("{}; taking the data of its primary {} instead",
                                         outcomes[i].error->message, to_string(primary)));
      shard.source = primary;
      folder_.forget(shard.file);
      again.push_back(open[i]);
    }
    open = std::move(again);
  }
  return {};
}

// From another node, should the first one be gone.
Result<cluster::Observed> Backup::look_again() const {
  Result<cluster::Observed> observed = session_.survey(seed_);
  for (size_t i = 0; i < sources_.size() && !observed; ++i) observed = session_.survey(sources_[i].primary);
  return observed;
}

Result<BackupResult> Backup::run() {
  int64_t begin_ms = now_ms();
  if (Status ready = folder_.prepare(); !ready) return fail(ready.error());
  Result<cluster::Observed> before = session_.survey(seed_);
  if (!before) return fail(before.error());
  Result<std::vector<BackupSource>> sources = choose_sources(*before, options_.from_replicas);
  if (!sources) return fail(sources.error());
  sources_ = std::move(*sources);
  Status taken = take_files();
  if (session_.interrupted())
    return BackupResult{.shards = {}, .elapsed_ms = now_ms() - begin_ms, .interrupted = true};
  if (!taken) return fail(taken.error());
  Result<cluster::Observed> after = look_again();
  if (!after) return fail(after.error());
  if (Status same = check_unmoved(sources_, *after); !same) return fail(same.error());
  Status written = folder_.write(std::string(kTopologyFile), nodes_json(*after, shards_));
  if (written) written = folder_.keep();
  if (!written) return fail(written.error());
  return BackupResult{.shards = std::move(shards_), .elapsed_ms = now_ms() - begin_ms, .interrupted = false};
}

}  // namespace

Result<BackupResult> backup(Session& session, const Address& seed, const BackupOptions& options) {
  return Backup(session, seed, options).run();
}

}  // namespace keyway::admin
