// What `--from` of `keyway restore` means: a file, a folder with RDB files, or a backup in a store. Reads
// the disk and the store. Main thread; what it gives belongs to one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/restore.h"
#include "backup/manifest.h"
#include "cli/arguments.h"

namespace keyway::cli {

struct RestoreSource {
  std::vector<admin::RestoreFile> files;
  std::string name;                          // for people, and the same in each run
  bool can_read_twice = true;                // without fetching all of it twice over a network
  std::optional<backup::Manifest> manifest;  // of a backup in a store
};

// kNotFound, kDenied, kInvalidArgument: what is wrong with --from, --backup or --key-file; and the errors of
// the store.
Result<RestoreSource> find_restore_source(const RestoreCommand& command);

}  // namespace keyway::cli
