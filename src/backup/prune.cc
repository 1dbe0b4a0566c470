#include "backup/prune.h"

#include <algorithm>

namespace keyway::backup {

namespace {

// Marks what cannot be relied on, as far back as the newest one that can.
Status find_bad(Store& store, std::vector<StoredBackup>& backups) {
  for (auto backup = backups.rbegin(); backup != backups.rend(); ++backup) {
    if (!backup->complete) continue;
    Result<Manifest> manifest = load_manifest(store, backup->cluster, backup->id);
    bool damaged = !manifest && manifest.error().code == ErrorCode::kCorrupt;
    if (!manifest && !damaged) return fail(manifest.error());
    Result<std::optional<Verification>> verification = load_verification(store, backup->cluster, backup->id);
    if (!verification && verification.error().code != ErrorCode::kCorrupt) return fail(verification.error());
    backup->bad = damaged || (verification && *verification && !(*verification)->good);
    if (!backup->bad) return {};
  }
  return {};
}

}  // namespace

Result<std::vector<Pruned>> prune(Store& store, const std::string& cluster, const Retention& retention,
                                  bool dry_run, int64_t now_ms) {
  Result<std::vector<StoredBackup>> backups = list_backups(store, cluster);
  if (!backups) return fail(backups.error());
  std::vector<Pruned> pruned;
  for (auto begin = backups->begin(); begin != backups->end();) {
    auto end = std::find_if(begin, backups->end(),
                            [&](const StoredBackup& backup) { return backup.cluster != begin->cluster; });
    std::vector<StoredBackup> of_one(begin, end);
    if (Status found = find_bad(store, of_one); !found) return fail(found.error());
    for (const Verdict& verdict : judge(of_one, retention, now_ms)) {
      const StoredBackup& backup = *verdict.backup;
      if (!verdict.keep && !dry_run) {
        if (Status removed = remove_objects(store, backup.objects); !removed) return fail(removed.error());
      }
      pruned.push_back({backup.cluster, backup.id, verdict.keep, verdict.why, backup.size_bytes});
    }
    begin = end;
  }
  return pruned;
}

}  // namespace keyway::backup
