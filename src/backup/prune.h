// Thins a store out. Waits, as the store does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backup/retention.h"
#include "backup/store.h"

namespace keyway::backup {

struct Pruned {
  std::string cluster;
  std::string id;
  bool keep = true;
  std::string why;
  int64_t size_bytes = 0;
};

// Decides for each cluster on its own (all, or the one that is named) and deletes what is not kept, unless it
// is a dry run; the manifest first, so that what is left of an interrupted deletion is no backup. A backup
// that was tried and found bad is not taken for the newest good one. Errors: those of the store.
Result<std::vector<Pruned>> prune(Store& store, const std::string& cluster, const Retention& retention,
                                  bool dry_run, int64_t now_ms);

}  // namespace keyway::backup
