// What a backup that was begun for somebody (a supervisor, Kubernetes) came to, in so few words that a
// container's termination message holds them. Pure; values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::cluster {

inline constexpr size_t kMaxBackupOutcomeBytes = 4096;

// {"id":"20261123T023000Z","keys":1200,"stored_bytes":81920,"verified":true,"deleted":2,"trouble":"…"} or
// {"error":"…"}
struct BackupOutcome {
  std::string id;     // of the backup; empty: there is none
  std::string error;  // why there is none, or why it cannot be relied on
  int64_t keys = -1;  // -1: not known
  int64_t stored_bytes = 0;
  bool verified = false;
  int64_t deleted = 0;  // older ones
  std::string trouble;  // with what matters less than the backup

  bool good() const { return !id.empty() && error.empty(); }
  bool operator==(const BackupOutcome&) const = default;
};

// On one line, of kMaxBackupOutcomeBytes at most: texts are cut.
std::string to_json(const BackupOutcome& outcome);
// kCorrupt.
Result<BackupOutcome> parse_backup_outcome(std::string_view text);

}  // namespace keyway::cluster
