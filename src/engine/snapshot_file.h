// Snapshots that become files.
#pragma once

#include <memory>
#include <string>

#include "engine/snapshot.h"

namespace keyway::engine {

// Makes the file, with mode 0600; on disk (fsync) when it has finished. kAlreadyExists: there is one;
// kExhausted: the disk is full; kInternal. A file that was begun is left where it is.
std::shared_ptr<SnapshotSink> file_sink(std::string path);

}  // namespace keyway::engine
