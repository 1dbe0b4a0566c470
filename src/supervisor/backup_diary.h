// What a schedule of backups has done and is to do next. Pure; values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time_zone.h"
#include "cluster/backup_outcome.h"
#include "cluster/backup_schedule.h"
#include "platform/local/process.h"

namespace keyway::supervisor {

// All times are Unix time.
struct BackupRun {
  int64_t due_ms = 0;
  int64_t begun_ms = 0;
  int64_t ended_ms = 0;
  bool good = false;
  std::string what;  // the backup's id, or why there is none

  bool operator==(const BackupRun&) const = default;
};

// A process that works for a schedule.
struct BackupWork {
  platform::local::ProcessIdentity process;
  int64_t due_ms = 0;
  int64_t begun_ms = 0;

  bool operator==(const BackupWork&) const = default;
};

struct BackupDiary {
  int64_t since_ms = 0;         // the schedule's times count since then
  std::string times;            // what they were then, see times_of()
  int64_t last_due_ms = 0;      // its last time that was used or left out; 0: none yet
  int failures = 0;             // one after the other, for that time
  int64_t retry_ms = 0;         // when it is tried again for that time; 0: not
  std::vector<BackupRun> runs;  // the latest last
  std::optional<BackupWork> work;

  bool operator==(const BackupDiary&) const = default;
};

// By what the schedule's times come. When that changes, or the schedule is suspended or resumed, times that
// passed before do not count.
std::string times_of(const cluster::BackupSchedule& schedule);

// The first time after `after_ms`; nothing: none within years.
std::optional<int64_t> next_time(const cluster::BackupSchedule& schedule, const TimeZone& zone,
                                 int64_t after_ms);

// The latest time that has come since the last one was used, however many have; nothing: none has, or it came
// longer ago than the schedule's deadline allows.
std::optional<int64_t> time_due(const cluster::BackupSchedule& schedule, const TimeZone& zone,
                                const BackupDiary& diary, int64_t now_ms);

// The time for which a run failed, when it should be tried again; a few times for each. Nothing: not now.
std::optional<int64_t> retry_due(const BackupDiary& diary, int64_t now_ms);

// Takes in how a run for the diary's last time ended, and when it is tried again if it failed.
void note_attempt(BackupDiary& diary, BackupRun run, int history);

// Adds it; forgets the oldest beyond what the schedule remembers, but never the last good one.
void note_run(BackupDiary& diary, BackupRun run, int history);

// What `keyway` is called with to make a backup and to delete those that need not be kept.
std::vector<std::string> backup_words(const cluster::BackupSchedule& schedule,
                                      const std::string& outcome_file);

// How that ended: what it wrote into the outcome file, or if that is of no use what it said last.
cluster::BackupOutcome read_outcome(std::string_view outcome, std::string_view output);

std::string to_json(const BackupDiary& diary);
// kCorrupt.
Result<BackupDiary> parse_diary(std::string_view text);

}  // namespace keyway::supervisor
