// Keeps the schedules of a local cluster's backups: starts `keyway backup create` when one is due, and notes
// how it ended. One process at a time. It runs in a session of its own and outlives the supervisor; the next
// one knows it by its diary. Owned by the supervisor; its thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/time_zone.h"
#include "platform/local/local_platform.h"
#include "platform/local/watcher.h"
#include "supervisor/backup_diary.h"

namespace boost::asio {
class io_context;
}

namespace keyway::supervisor {

class ScheduleKeeper {
 public:
  using Say = std::function<void(LogLevel level, const std::string& text)>;

  // `io` and `platform` outlive it; `wake` is called from `io` when a process has ended.
  ScheduleKeeper(boost::asio::io_context& io, platform::local::LocalPlatform& platform, Say say,
                 std::function<void()> wake);

  // Reads what was changed, takes in what ended, begins what is due. Nothing is begun unless
  // `cluster_answers`.
  void step(bool cluster_answers);
  // Goes on to end what runs; true: nothing does.
  bool end_step();
  // When step() should be called again, at the latest.
  int64_t due_ms() const;

 private:
  struct Kept {
    cluster::BackupSchedule schedule;
    TimeZone zone;
    BackupDiary diary;
    std::string trouble;  // that was told
  };

  void read_schedules();
  std::optional<Kept> read_one(const std::string& name);
  BackupDiary read_diary(const std::string& name);
  void heed_times(const std::string& name, Kept& kept);
  void take_in(const std::string& name, Kept& kept);
  void begin_due(const std::string& name, Kept& kept);
  void begin(const std::string& name, Kept& kept, BackupWork work);
  void note_attempt(const std::string& name, Kept& kept, BackupRun run);
  void save(const std::string& name, Kept& kept);
  void trouble(Kept& kept, const std::string& what);
  void end_work(Kept& kept);
  bool busy() const;
  // What came of the last run, as that told it.
  std::string outcome_file(const std::string& name) const {
    return paths().runs_folder() + "/" + name + ".outcome";
  }
  platform::local::SchedulePaths paths() const { return platform_.paths().schedules(); }

  platform::local::LocalPlatform& platform_;
  Say say_;
  platform::local::Watcher watcher_;
  std::map<std::string, Kept> kept_;
  std::map<std::string, std::string> unread_;  // documents that cannot be kept, and why
  int64_t changed_ns_ = -1;                    // of the folder, as it was read
  int64_t killed_at_ms_ = 0;  // monotonic: when what is told to end is killed; 0: nothing was told
};

}  // namespace keyway::supervisor
