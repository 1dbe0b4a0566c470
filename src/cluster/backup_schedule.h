// When a cluster is backed up, where to, and what is kept: the KeywayBackupSchedule document (apiVersion
// keyway.dev/v1alpha1) as a value. The supervisor of a local cluster keeps it. Told to users in
// docs/backup.md. Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cluster/cron.h"

namespace keyway::cluster {

struct BackupSchedule {
  std::string name;       // a DNS label
  std::string cluster;    // whose
  std::string when;       // five fields, or @daily and the like
  Cron cron;              // the same
  std::string time_zone;  // of `when`; empty: UTC
  bool suspended = false;
  bool replaces = false;  // a backup that is still under way at the next one's time is given up; else that
                          // one is left out
  // A backup whose time has passed unused (nobody kept the schedule then) is made up for within so long;
  // nothing: however late.
  std::optional<int64_t> deadline_s;
  int history = 10;  // runs that are remembered

  std::string to;  // a folder or an s3:// URL
  std::string endpoint_url;
  std::string region;
  std::string addressing_style;
  std::string sse;
  std::string sse_kms_key_id;
  std::string key_file;  // encrypts; empty: it does not
  bool verify = false;

  // As of `backup prune`; all zero: nothing is deleted.
  int keep_last = 0;
  int keep_days = 0;
  int keep_daily = 0;
  int keep_weekly = 0;
  int keep_monthly = 0;

  bool keeps_all() const { return keep_last + keep_days + keep_daily + keep_weekly + keep_monthly == 0; }
  bool operator==(const BackupSchedule&) const = default;
};

// Errors (kInvalidArgument) read "SOURCE:LINE:COLUMN: FIELD: what; what to do".
Result<BackupSchedule> parse_backup_schedule(std::string_view text, std::string_view source);

// What parse_backup_schedule reads as the same.
std::string to_yaml(const BackupSchedule& schedule);

}  // namespace keyway::cluster
