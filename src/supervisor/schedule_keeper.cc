#include "supervisor/schedule_keeper.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"
#include "platform/local/process.h"

namespace keyway::supervisor {

namespace {

namespace local = platform::local;

constexpr int64_t kSoonMs = 20;
constexpr int64_t kEndMs = 5000;  // an interrupted backup takes away what it had written
constexpr size_t kMaxSchedules = 100;
constexpr size_t kMaxDocumentBytes = 64 << 10;
constexpr size_t kMaxOutputBytes = 1 << 20;
constexpr std::string_view kSuffix = ".yaml";

// 0: there is none.
int64_t changed_ns(const std::string& folder) {
  struct stat found{};
  if (::stat(folder.c_str(), &found) != 0) return 0;
  return found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec;
}

std::vector<std::string> documents_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (std::filesystem::directory_iterator at(folder, ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    std::string name = at->path().filename().string();
    if (name.size() <= kSuffix.size() || !name.ends_with(kSuffix) || names.size() >= kMaxSchedules) continue;
    names.push_back(name.substr(0, name.size() - kSuffix.size()));
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

ScheduleKeeper::ScheduleKeeper(boost::asio::io_context& io, local::LocalPlatform& platform, Say say,
                               std::function<void()> wake)
    : platform_(platform), say_(std::move(say)), watcher_(io, std::move(wake)) {}

void ScheduleKeeper::step(bool cluster_answers) {
  read_schedules();
  for (auto& [name, kept] : kept_) {
    if (kept.diary.work && !watcher_.running(kept.diary.work->process.pid)) take_in(name, kept);
  }
  if (!cluster_answers) return;
  for (auto& [name, kept] : kept_) begin_due(name, kept);
}

// The folder changes whenever a document in it is written, since that is put in the place of the one before.
void ScheduleKeeper::read_schedules() {
  int64_t now_ns = changed_ns(paths().folder);
  if (now_ns == changed_ns_) return;
  changed_ns_ = now_ns;
  std::map<std::string, Kept> before = std::exchange(kept_, {});
  std::map<std::string, std::string> unread = std::exchange(unread_, {});
  for (const std::string& name : documents_in(paths().folder)) {
    std::optional<Kept> read = read_one(name);
    auto known = before.find(name);
    if (!read) {
      auto told = unread.find(name);
      if (told == unread.end() || told->second != unread_[name])
        say_(LogLevel::kWarning, fmt::format("backups {} are not made: {}", name, unread_[name]));
      continue;
    }
    // Whoever removes a schedule removes its diary: of a new one of that name nothing is known.
    bool same = known != before.end() && ::access(paths().diary(name).c_str(), F_OK) == 0;
    read->diary = same ? std::move(known->second.diary) : read_diary(name);
    if (same) before.erase(known);
    heed_times(name, *read);
    kept_.emplace(name, std::move(*read));
  }
  // What runs for a schedule that was removed goes on to its end; nobody notes it.
  for (auto& [name, kept] : before) {
    if (kept.diary.work) (void)watcher_.forget(kept.diary.work->process.pid);
  }
}

std::optional<ScheduleKeeper::Kept> ScheduleKeeper::read_one(const std::string& name) {
  Result<std::string> text = local::read_file(paths().document(name), kMaxDocumentBytes);
  Result<cluster::BackupSchedule> schedule =
      text ? cluster::parse_backup_schedule(*text, paths().document(name))
           : Result<cluster::BackupSchedule>(fail(text.error()));
  Result<TimeZone> zone =
      schedule ? TimeZone::load(schedule->time_zone) : Result<TimeZone>(fail(schedule.error()));
  if (!zone) {
    unread_[name] = zone.error().message;
    return std::nullopt;
  }
  return Kept{std::move(*schedule), std::move(*zone), {}, {}};
}

// One that is damaged is begun anew: the backups themselves are elsewhere.
BackupDiary ScheduleKeeper::read_diary(const std::string& name) {
  Result<std::string> text = local::read_file(paths().diary(name));
  Result<BackupDiary> diary = text ? parse_diary(*text) : Result<BackupDiary>(fail(text.error()));
  if (!diary) return {};
  // One that has ended meanwhile is taken in by the next step.
  if (diary->work) (void)watcher_.watch(diary->work->process);
  return std::move(*diary);
}

void ScheduleKeeper::heed_times(const std::string& name, Kept& kept) {
  std::string times = times_of(kept.schedule);
  if (kept.diary.times == times) return;
  kept.diary.times = std::move(times);
  kept.diary.since_ms = platform_.wall_ms();
  kept.diary.retry_ms = 0;
  save(name, kept);
}

void ScheduleKeeper::take_in(const std::string& name, Kept& kept) {
  BackupWork work = *std::exchange(kept.diary.work, std::nullopt);
  (void)watcher_.forget(work.process.pid);
  killed_at_ms_ = 0;
  Result<std::string> written = local::read_file(outcome_file(name), cluster::kMaxBackupOutcomeBytes);
  cluster::BackupOutcome outcome =
      read_outcome(written.value_or(""), local::read_tail(paths().output(name), 0, kMaxOutputBytes));
  note_attempt(name, kept,
               {work.due_ms, work.begun_ms, platform_.wall_ms(), outcome.good(),
                outcome.good() ? outcome.id : outcome.error});
  if (outcome.good() && !outcome.trouble.empty())
    say_(LogLevel::kWarning, fmt::format("backups {}: {}", name, outcome.trouble));
}

void ScheduleKeeper::note_attempt(const std::string& name, Kept& kept, BackupRun run) {
  std::string text = run.good ? fmt::format("backups {}: {} was made", name, run.what)
                              : fmt::format("backups {}: none was made: {}", name, run.what);
  LogLevel level = run.good ? LogLevel::kInfo : LogLevel::kWarning;
  int64_t ended_ms = run.ended_ms;
  supervisor::note_attempt(kept.diary, std::move(run), kept.schedule.history);
  if (kept.diary.retry_ms != 0)
    text += fmt::format("; it is tried again in {}", human_duration(kept.diary.retry_ms - ended_ms));
  say_(level, text);
  save(name, kept);
}

// A time of a schedule's own that comes while its backup is under way is left out, or ends that one. Other
// schedules wait for their turn.
void ScheduleKeeper::begin_due(const std::string& name, Kept& kept) {
  int64_t now_ms = platform_.wall_ms();
  std::optional<int64_t> due;
  if (!kept.schedule.suspended) due = time_due(kept.schedule, kept.zone, kept.diary, now_ms);
  if (kept.diary.work) {
    if (!due) return;
    if (kept.schedule.replaces) return end_work(kept);
    kept.diary.last_due_ms = *due;
    note_run(kept.diary, {*due, now_ms, now_ms, false, "the one before was still under way"},
             kept.schedule.history);
    return save(name, kept);
  }
  if (busy()) return;
  bool wished = ::access(paths().wish(name).c_str(), F_OK) == 0;
  if (due) {
    kept.diary.last_due_ms = *due;
    kept.diary.failures = 0;
  } else if (!kept.schedule.suspended) {
    due = retry_due(kept.diary, now_ms);
  }
  if (!due && !wished) return;
  kept.diary.retry_ms = 0;
  begin(name, kept, {{}, due.value_or(now_ms), now_ms});
  if (wished) (void)::unlink(paths().wish(name).c_str());
}

void ScheduleKeeper::begin(const std::string& name, Kept& kept, BackupWork work) {
  const std::string output = paths().output(name);
  const std::string outcome = outcome_file(name);
  if (Status made = local::make_private_folder(paths().runs_folder()); !made)
    return trouble(kept, made.error().message);
  (void)::unlink(output.c_str());
  (void)::unlink(outcome.c_str());
  Result<local::ProcessIdentity> process = local::launch(
      {local::own_program(), backup_words(kept.schedule, outcome), paths().runs_folder(), output});
  if (!process) {
    note_attempt(name, kept,
                 {work.due_ms, work.begun_ms, platform_.wall_ms(), false, process.error().message});
    return;
  }
  work.process = *process;
  kept.diary.work = std::move(work);
  save(name, kept);
  // One that has ended already is taken in by the next step.
  (void)watcher_.watch(*process);
}

void ScheduleKeeper::save(const std::string& name, Kept& kept) {
  if (::access(paths().document(name).c_str(), F_OK) != 0) return;  // it was removed meanwhile
  Status made = local::make_private_folder(paths().runs_folder());
  Status saved =
      made ? local::replace_file(paths().diary(name), to_json(kept.diary), local::Durability::kDurable)
           : made;
  trouble(kept, saved ? "" : fmt::format("backups {}: {}", name, saved.error().message));
}

// The same trouble again is no news.
void ScheduleKeeper::trouble(Kept& kept, const std::string& what) {
  if (std::exchange(kept.trouble, what) == what || what.empty()) return;
  say_(LogLevel::kWarning, what);
}

bool ScheduleKeeper::busy() const {
  return std::ranges::any_of(kept_, [](const auto& one) { return one.second.diary.work.has_value(); });
}

// As a person would interrupt it; what was written goes away with it.
void ScheduleKeeper::end_work(Kept& kept) {
  int64_t now_ms = platform_.monotonic_ms();
  if (killed_at_ms_ == 0) {
    killed_at_ms_ = now_ms + kEndMs;
    (void)local::send_signal(kept.diary.work->process, SIGINT);
  } else if (now_ms >= killed_at_ms_) {
    (void)local::send_signal(kept.diary.work->process, SIGKILL);
  }
}

// What it made by then the next supervisor takes in.
bool ScheduleKeeper::end_step() {
  bool any = false;
  for (auto& [name, kept] : kept_) {
    if (!kept.diary.work || !watcher_.running(kept.diary.work->process.pid)) continue;
    any = true;
    end_work(kept);
  }
  return !any;
}

int64_t ScheduleKeeper::due_ms() const {
  int64_t now_ms = platform_.wall_ms();
  int64_t due_ms = INT64_MAX;
  for (const auto& [name, kept] : kept_) {
    if (kept.diary.work && killed_at_ms_ != 0) return kSoonMs;
    if (kept.schedule.suspended) continue;
    std::optional<int64_t> next = next_time(kept.schedule, kept.zone, now_ms);
    if (kept.diary.retry_ms > now_ms) next = std::min(next.value_or(INT64_MAX), kept.diary.retry_ms);
    if (next) due_ms = std::min(due_ms, std::max(kSoonMs, *next - now_ms));
  }
  return due_ms;
}

}  // namespace keyway::supervisor
