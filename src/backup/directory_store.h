// Backups in a folder or on a mounted volume. Objects are files that only their owner may read; what is not
// whole yet has a name of its own beside them.
#pragma once

#include <memory>
#include <string>

#include "backup/store.h"

namespace keyway::backup {

// The folder is made with its first object. kInvalidArgument: no path.
Result<std::unique_ptr<Store>> open_directory_store(std::string path);

}  // namespace keyway::backup
