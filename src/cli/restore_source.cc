#include "cli/restore_source.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "backup/catalog.h"
#include "backup/sealing.h"
#include "base/format.h"
#include "base/strings.h"
#include "cli/cluster/interruption.h"

namespace keyway::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNewest = "latest";
constexpr size_t kMaxFiles = 10'000;

// A shard's object as a file of a restore.
class StoredFile : public admin::FileSource {
 public:
  explicit StoredFile(std::unique_ptr<backup::PackedReader> reader) : reader_(std::move(reader)) {}

  Result<size_t> read(char* to, size_t size_bytes) override { return reader_->read(to, size_bytes); }

 private:
  std::unique_ptr<backup::PackedReader> reader_;
};

Result<RestoreSource> of_files(const std::vector<std::string>& paths, std::string name) {
  RestoreSource source;
  source.name = std::move(name);
  for (const std::string& path : paths) {
    Result<admin::RestoreFile> file = admin::file_at(path);
    if (!file) return fail(file.error());
    source.files.push_back(std::move(*file));
  }
  return source;
}

// The RDB files right in the folder, by name.
Result<std::vector<std::string>> rdb_files(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code failed;
  fs::directory_iterator entry(folder, failed);
  for (; !failed && entry != fs::directory_iterator() && paths.size() < kMaxFiles; entry.increment(failed)) {
    if (entry->path().extension() == ".rdb" && entry->is_regular_file(failed))
      paths.push_back(entry->path().string());
  }
  if (failed)
    return fail(ErrorCode::kDenied, fmt::format("--from {} cannot be read: {}", folder, failed.message()));
  std::ranges::sort(paths);
  return paths;
}

struct BackupName {
  std::string cluster;  // empty: not said
  std::string id;       // empty: the newest
};

BackupName parse_backup_name(const std::string& text) {
  size_t slash = text.find('/');
  BackupName name;
  if (slash != std::string::npos) name.cluster = text.substr(0, slash);
  name.id = slash == std::string::npos ? text : text.substr(slash + 1);
  if (name.id == kNewest) name.id.clear();
  return name;
}

// Without a name of its own: of the cluster that is restored, if it has backups there, else the only one's.
Result<backup::StoredBackup> choose_backup(backup::Store& store, const RestoreCommand& command) {
  BackupName name = parse_backup_name(command.backup);
  if (name.cluster.empty() && !command.target.cluster.empty()) {
    Result<backup::StoredBackup> own = backup::find_backup(store, command.target.cluster, name.id);
    if (own || own.error().code != ErrorCode::kNotFound) return own;
  }
  return backup::find_backup(store, name.cluster, name.id);
}

Result<RestoreSource> of_store(const RestoreCommand& command) {
  Result<std::unique_ptr<backup::Store>> opened =
      backup::open_store(command.from, {.s3 = command.s3, .interrupted = Interruption::seen});
  if (!opened) return fail(opened.error());
  std::shared_ptr<backup::Store> store = std::move(*opened);
  std::optional<backup::EncryptionKey> key;
  if (!command.key_file.empty()) {
    Result<backup::EncryptionKey> read = backup::read_key_file(command.key_file);
    if (!read) return fail(read.error());
    key = *read;
  }
  Result<backup::StoredBackup> chosen = choose_backup(*store, command);
  if (!chosen) return fail(chosen.error());
  Result<backup::Manifest> manifest = backup::load_manifest(*store, chosen->cluster, chosen->id);
  if (!manifest) return fail(manifest.error());
  if (manifest->encrypted && !key) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the backup {} is encrypted; --key-file FILE names its key", chosen->id));
  }
  RestoreSource source;
  source.name = fmt::format("{}/{}/{}", store->url(), chosen->cluster, chosen->id);
  source.can_read_twice = command.from.find("://") == std::string::npos || command.from.starts_with("file:");
  for (const backup::BackedUpShard& shard : manifest->shards) {
    auto open = [store, manifest = *manifest, shard, key]() -> Result<std::unique_ptr<admin::FileSource>> {
      auto reader = backup::open_shard(*store, manifest, shard, key);
      if (!reader) return fail(reader.error());
      return std::make_unique<StoredFile>(std::move(*reader));
    };
    source.files.push_back({.name = fmt::format("{}/{}", source.name, shard.object),
                            .size_bytes = shard.sums.raw_bytes,
                            .open = std::move(open)});
  }
  source.manifest = std::move(*manifest);
  return source;
}

}  // namespace

Result<RestoreSource> find_restore_source(const RestoreCommand& command) {
  bool is_url = command.from.find("://") != std::string::npos;
  if (is_url) return of_store(command);
  std::error_code failed;
  std::string path = fs::absolute(command.from, failed).lexically_normal().string();
  fs::file_status found = fs::status(path, failed);
  if (!fs::exists(found))
    return fail(ErrorCode::kNotFound,
                fmt::format("--from {}: there is no such file or folder", command.from));
  std::vector<std::string> paths = {path};
  if (fs::is_directory(found)) {
    Result<std::vector<std::string>> files = rdb_files(path);
    if (!files) return fail(files.error());
    if (files->empty()) return of_store(command);
    paths = std::move(*files);
  }
  if (!command.backup.empty() || !command.key_file.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--backup and --key-file go with a place where `keyway backup` keeps backups; {} "
                            "is, or holds, plain RDB files",
                            command.from));
  }
  return of_files(paths, path);
}

}  // namespace keyway::cli
