// Which backups stay and which may go. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backup/catalog.h"

namespace keyway::backup {

// What is kept: a backup stays if any of these wants it. All zero: everything stays.
struct Retention {
  int last = 0;    // the newest ones
  int days = 0;    // those that are no older
  int daily = 0;   // the newest of each of so many days (UTC) that have any
  int weekly = 0;  // of weeks, which begin on Monday
  int monthly = 0;

  bool keeps_all() const { return last == 0 && days == 0 && daily == 0 && weekly == 0 && monthly == 0; }
};

struct Verdict {
  const StoredBackup* backup = nullptr;
  bool keep = true;
  std::string why;  // "the newest", "daily", "unfinished for a day"
};

// One for each backup of one cluster, oldest first as list_backups gives them. The newest complete one that
// is not bad always stays; while there is none, so does everything that is complete. What is not complete
// goes once nothing was added to it for a day, whatever is kept.
std::vector<Verdict> judge(const std::vector<StoredBackup>& backups, const Retention& retention,
                           int64_t now_ms);

}  // namespace keyway::backup
