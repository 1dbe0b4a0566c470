// Going through the RDB files of a restore. One thread.
#pragma once

#include <functional>

#include "admin/restore.h"
#include "rdb/walker.h"

namespace keyway::admin {

// Given each entry, and how many bytes of all files have been read; `entry.value` is valid until it returns.
// An error ends the walk and is given back.
using SeeEntry = std::function<Status(const RestoreFile& file, const rdb::Header& header, rdb::Entry& entry)>;
// Called between pieces of at most 1 MiB; false ends the walk.
using GoOn = std::function<bool(int64_t read_bytes)>;

// True: all files were gone through, each to its end. Errors name the file.
Result<bool> walk_files(const std::vector<RestoreFile>& files, const SeeEntry& see, const GoOn& go_on);

// Whether a restore with `options` wants the key.
bool is_wanted(const RestoreOptions& options, const rdb::Entry& entry);

}  // namespace keyway::admin
