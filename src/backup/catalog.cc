#include "backup/catalog.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/spec_rules.h"

namespace keyway::backup {

namespace {

constexpr size_t kNameParts = 3;  // CLUSTER/ID/OBJECT
constexpr size_t kMaxVerificationBytes = size_t{64} << 10;

std::string name_in(const std::string& cluster, const std::string& id, std::string_view object) {
  return fmt::format("{}/{}", folder_of(cluster, id), object);
}

std::string clusters_of(const std::vector<StoredBackup>& backups) {
  std::set<std::string> names;
  for (const StoredBackup& backup : backups) names.insert(backup.cluster);
  return join({names.begin(), names.end()}, ", ");
}

tl::unexpected<Error> no_backup(const Store& store, const std::string& cluster, const std::string& id) {
  std::string of = cluster.empty() ? "" : fmt::format(" of cluster \"{}\"", cluster);
  if (id.empty())
    return fail(ErrorCode::kNotFound, fmt::format("there is no backup{} at {}", of, store.url()));
  return fail(ErrorCode::kNotFound,
              fmt::format("there is no backup {}{} at {}; `keyway backup ls {}` lists those that there are",
                          id, of, store.url(), store.url()));
}

}  // namespace

std::string folder_of(const std::string& cluster, const std::string& id) { return cluster + "/" + id; }

std::string seal_context(const std::string& cluster, const std::string& id, const std::string& shard) {
  return folder_of(cluster, id) + "/" + shard;
}

Result<std::vector<StoredBackup>> list_backups(Store& store, const std::string& cluster) {
  Result<std::vector<ObjectInfo>> objects = store.list(cluster);
  if (!objects) return fail(objects.error());
  std::vector<StoredBackup> backups;
  for (ObjectInfo& object : *objects) {
    std::vector<std::string_view> parts = split(object.name, '/');
    if (parts.size() != kNameParts || cluster::label_problem(parts[0]) || !is_backup_id(parts[1])) continue;
    if (backups.empty() || backups.back().cluster != parts[0] || backups.back().id != parts[1])
      backups.push_back({.cluster = std::string(parts[0]), .id = std::string(parts[1]), .objects = {}});
    StoredBackup& backup = backups.back();
    backup.complete = backup.complete || parts[2] == kManifestName;
    backup.changed_ms = std::max(backup.changed_ms, object.changed_ms);
    backup.size_bytes += object.size_bytes;
    backup.objects.push_back(std::move(object));
  }
  auto age = [](const StoredBackup& backup) {
    return std::tuple(backup.cluster, time_of_id(backup.id), backup.id.size(), backup.id);
  };
  std::ranges::sort(backups, {}, age);
  return backups;
}

Result<StoredBackup> find_backup(Store& store, const std::string& cluster, const std::string& id) {
  Result<std::vector<StoredBackup>> backups = list_backups(store, cluster);
  if (!backups) return fail(backups.error());
  std::erase_if(*backups, [&](const StoredBackup& backup) {
    return !backup.complete || (!id.empty() && backup.id != id);
  });
  if (backups->empty()) return no_backup(store, cluster, id);
  if (backups->front().cluster != backups->back().cluster) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} has backups of several clusters ({}); say which one with --cluster",
                            store.url(), clusters_of(*backups)));
  }
  return std::move(backups->back());
}

Status remove_objects(Store& store, std::vector<ObjectInfo> objects) {
  std::ranges::stable_partition(
      objects, [](const ObjectInfo& object) { return object.name.ends_with(kManifestName); });
  for (const ObjectInfo& object : objects) {
    if (Status removed = store.remove(object.name); !removed) return removed;
  }
  return {};
}

Result<Manifest> load_manifest(Store& store, const std::string& cluster, const std::string& id) {
  std::string name = name_in(cluster, id, kManifestName);
  Result<std::string> text = read_object(store, name, kMaxManifestBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) return no_backup(store, cluster, id);
  if (!text) return fail(text.error());
  std::string source = store.url() + "/" + name;
  Result<Manifest> manifest = parse_manifest(*text, source);
  if (manifest && (manifest->cluster != cluster || manifest->id != id)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{} is the manifest of another backup, {}", source,
                                                 folder_of(manifest->cluster, manifest->id)));
  }
  return manifest;
}

Result<std::optional<Verification>> load_verification(Store& store, const std::string& cluster,
                                                      const std::string& id) {
  std::string name = name_in(cluster, id, kVerifiedName);
  Result<std::string> text = read_object(store, name, kMaxVerificationBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!text) return fail(text.error());
  Result<Verification> verification = parse_verification(*text, store.url() + "/" + name);
  if (!verification) return fail(verification.error());
  return *verification;
}

Result<std::unique_ptr<PackedReader>> open_shard(Store& store, const Manifest& manifest,
                                                 const BackedUpShard& shard,
                                                 const std::optional<EncryptionKey>& key) {
  std::string what =
      fmt::format("shard {} of backup {}", shard.name, folder_of(manifest.cluster, manifest.id));
  if (manifest.encrypted && !key)
    return fail(ErrorCode::kInvalidArgument, what + " is encrypted; give its key with --key-file");
  Result<std::unique_ptr<ObjectReader>> object =
      store.get(name_in(manifest.cluster, manifest.id, shard.object));
  if (!object && object.error().code == ErrorCode::kNotFound)
    return fail(ErrorCode::kCorrupt, fmt::format("{} is missing: {}", what, object.error().message));
  if (!object) return fail(object.error());
  Packing packing{manifest.encrypted ? key : std::nullopt,
                  seal_context(manifest.cluster, manifest.id, shard.name)};
  return std::make_unique<PackedReader>(std::move(*object), packing, shard.sums, std::move(what));
}

}  // namespace keyway::backup
