// Tries one shard of a backup; see verify.h. One thread.
#pragma once

#include "backup/trial_folder.h"
#include "backup/verify.h"

namespace keyway::backup {

struct ShardTrial {
  Store& store;
  const Manifest& manifest;
  const BackedUpShard& shard;
  const VerifyOptions& options;
  const TrialFolder& folder;
  admin::Reporter& reporter;
};

// With a problem, if the shard is no good; errors as those of verify.
Result<VerifiedShard> try_shard(const ShardTrial& trial);

}  // namespace keyway::backup
