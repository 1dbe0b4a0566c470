// The words of `keyway backup` as values. Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "backup/retention.h"
#include "backup/s3/options.h"
#include "cli/cluster/request.h"

namespace keyway::cli {

struct BackupVerify {
  std::string id;       // empty: the newest
  std::string engine;   // of the servers that try it, as --engine has it; empty: the one it was taken from
  std::string scratch;  // where they do; empty: $TMPDIR
};
struct BackupCreate {
  std::string cluster;  // as it is named in the store, and of this machine unless there is `from`
  Address from;         // a node of any cluster; empty: the local one
  Access access;        // to that
  std::optional<BackupVerify> verify;  // right after it, if it was made
  backup::Retention keep;              // of all by then; all zero: nothing is deleted
  std::string outcome_file;            // where cluster::BackupOutcome is written in the end; empty: nowhere
};
struct BackupList {};
struct BackupShow {
  std::string id;  // empty: the newest
};
struct BackupPrune {
  backup::Retention retention;
  bool dry_run = false;
};
// What a local cluster's supervisor makes backups by.
struct BackupSchedules {
  enum class Action { kList, kSet, kRemove, kSuspend, kResume, kRun };
  Action action = Action::kList;
  std::string cluster;   // empty: the only one
  std::string schedule;  // that it is about; kList, kSet: none
  std::string file;      // kSet: the document
};
struct BackupKey {
  std::string file;  // to be made
};

struct BackupCommand {
  std::variant<BackupCreate, BackupList, BackupShow, BackupVerify, BackupPrune, BackupKey, BackupSchedules>
      request;
  std::string url;  // of the store
  backup::S3Options s3;
  std::string cluster;  // whose backups are meant; empty: all, or the only one's
  std::string key_file;
};

}  // namespace keyway::cli
