// Takes one shard into the store, from whichever of its servers gives it. For one thread, which waits.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "backup/create.h"

namespace keyway::backup {

// What others see of it meanwhile; any thread.
struct TakeProgress {
  std::atomic<int64_t> raw_bytes = 0;
  std::atomic<int64_t> stored_bytes = 0;
};

// Tells a person; any thread may call it.
using Tell = std::function<void(std::string line)>;

// kUnavailable: none of its servers gave it, in as many tries as are made, or it was interrupted; else the
// errors of the store.
Result<BackedUpShard> take_shard(const Creation& creation, const std::string& id, const ShardSources& shard,
                                 Store& store, TakeProgress& progress, const Tell& warn);

}  // namespace keyway::backup
