// keyway backup schedule
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/clock.h"
#include "base/format.h"
#include "base/json_text.h"
#include "cli/backup_actions.h"
#include "cli/clusters.h"
#include "cli/document.h"
#include "cli/table.h"
#include "platform/kubernetes/time_text.h"
#include "platform/local/files.h"
#include "supervisor/backup_diary.h"

namespace keyway::cli {

namespace {

namespace local = platform::local;
using cluster::BackupSchedule;
using supervisor::BackupDiary;
using supervisor::BackupRun;
using Action = BackupSchedules::Action;

constexpr std::string_view kSuffix = ".yaml";

std::string time_text(int64_t wall_ms) { return platform::kubernetes::time_text_s(wall_ms / 1000); }

// A schedule with what was done by it.
struct Shown {
  std::string name;
  Result<BackupSchedule> schedule;
  BackupDiary diary;
  std::optional<int64_t> next_ms;

  const BackupRun* last_good() const {
    auto found =
        std::find_if(diary.runs.rbegin(), diary.runs.rend(), [](const BackupRun& run) { return run.good; });
    return found == diary.runs.rend() ? nullptr : &*found;
  }
};

Result<BackupSchedule> load(const local::SchedulePaths& paths, const std::string& name) {
  std::string path = paths.document(name);
  Result<std::string> text = local::read_file(path);
  if (!text && text.error().code == ErrorCode::kNotFound)
    return fail(ErrorCode::kNotFound, fmt::format("there is no schedule {}", name));
  if (!text) return fail(text.error());
  return cluster::parse_backup_schedule(*text, path);
}

Shown look(const local::SchedulePaths& paths, const std::string& name) {
  Shown shown{name, load(paths, name), {}, std::nullopt};
  Result<std::string> text = local::read_file(paths.diary(name));
  if (text) {
    Result<BackupDiary> diary = supervisor::parse_diary(*text);
    if (diary) shown.diary = std::move(*diary);
  }
  if (!shown.schedule || shown.schedule->suspended) return shown;
  Result<TimeZone> zone = TimeZone::load(shown.schedule->time_zone);
  if (zone) shown.next_ms = supervisor::next_time(*shown.schedule, *zone, wall_ms());
  return shown;
}

std::vector<Shown> look_at_all(const local::SchedulePaths& paths) {
  std::vector<Shown> all;
  std::error_code ignored;
  for (std::filesystem::directory_iterator at(paths.folder, ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    std::string name = at->path().filename().string();
    if (name.size() > kSuffix.size() && name.ends_with(kSuffix))
      all.push_back(look(paths, name.substr(0, name.size() - kSuffix.size())));
  }
  std::ranges::sort(all, {}, &Shown::name);
  return all;
}

void write_shown(JsonText& json, const Shown& shown) {
  json.open_object();
  json.text("name", shown.name);
  if (shown.schedule) {
    json.text("schedule", shown.schedule->when);
    json.text("time_zone", shown.schedule->time_zone.empty() ? "UTC" : shown.schedule->time_zone);
    json.text("to", shown.schedule->to);
    json.boolean("suspended", shown.schedule->suspended);
  } else {
    json.text("error", shown.schedule.error().message);
  }
  json.boolean("running", shown.diary.work.has_value());
  if (shown.next_ms) json.text("next", time_text(*shown.next_ms));
  if (const BackupRun* good = shown.last_good()) {
    json.text("last_good", good->what);
    json.text("last_good_at", time_text(good->ended_ms));
  }
  json.open_array("runs");
  for (const BackupRun& run : shown.diary.runs) {
    json.open_object();
    json.text("due", time_text(run.due_ms));
    json.text("begun", time_text(run.begun_ms));
    json.text("ended", time_text(run.ended_ms));
    json.boolean("good", run.good);
    json.text(run.good ? "id" : "error", run.what);
    json.close();
  }
  json.close();
  json.close();
}

void add_row(Table& table, const Shown& shown) {
  if (!shown.schedule) {
    table.add({{shown.name}, {}, {"damaged", Style::kBad}, {}, {}, {shown.schedule.error().message}});
    return;
  }
  Cell state = shown.diary.work            ? Cell{"running", Style::kGood}
               : shown.schedule->suspended ? Cell{"suspended", Style::kFaint}
                                           : Cell{"kept"};
  Cell last = {"none yet", Style::kFaint};
  if (!shown.diary.runs.empty()) {
    const BackupRun& run = shown.diary.runs.back();
    last = {fmt::format("{}{}", run.good ? "" : "failed: ", run.what), run.good ? Style::kGood : Style::kBad};
  }
  const BackupRun* good = shown.last_good();
  std::string when = shown.schedule->when;
  if (!shown.schedule->time_zone.empty()) when += " " + shown.schedule->time_zone;
  table.add({{shown.name},
             {when},
             state,
             {shown.next_ms ? time_text(*shown.next_ms) : "-"},
             {good == nullptr ? "-" : time_text(good->ended_ms)},
             last});
}

Outcome list(const Chosen& cluster, Context& context) {
  std::vector<Shown> all = look_at_all(cluster.paths.schedules());
  JsonText json;
  json.open_object();
  json.boolean("supervised", cluster.supervisor_pid != 0);
  json.open_array("schedules");
  Table table(
      {{"NAME"}, {"SCHEDULE", false, 2}, {"STATE"}, {"NEXT"}, {"LAST GOOD", false, 1}, {"LAST", false, 3}});
  for (const Shown& shown : all) {
    add_row(table, shown);
    write_shown(json, shown);
  }
  json.close();
  json.close();
  if (context.output.json()) {
    context.output.print(json.take());
  } else if (all.empty()) {
    context.output.note(fmt::format("{} has no schedules of backups", cluster.name));
  } else {
    context.output.print_lines(table.render(context.output.out()));
    if (cluster.supervisor_pid == 0)
      context.output.note(fmt::format("{} has no supervisor, so none is kept; `keyway up {}` starts it",
                                      cluster.name, cluster.name));
  }
  return kExitDone;
}

// The supervisor runs elsewhere than this command.
Status check_places(const BackupSchedule& schedule, const std::string& source) {
  auto relative = [](const std::string& path) {
    return !path.empty() && !path.starts_with('/') && path.find("://") == std::string::npos;
  };
  for (auto [field, path] : {std::pair{"spec.to", &schedule.to}, {"spec.keyFile", &schedule.key_file}}) {
    if (relative(*path))
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {}: \"{}\" is no absolute path; the supervisor works in another folder",
                              source, field, *path));
  }
  return {};
}

Status save(const local::SchedulePaths& paths, const BackupSchedule& schedule) {
  if (Status made = local::make_private_folder(paths.folder); !made) return made;
  return local::replace_file(paths.document(schedule.name), to_yaml(schedule), local::Durability::kDurable);
}

Status set(const Chosen& cluster, const std::string& file) {
  Result<std::string> text = read_document("-f", file);
  if (!text) return fail(text.error());
  Result<BackupSchedule> schedule = cluster::parse_backup_schedule(*text, file);
  if (!schedule) return fail(schedule.error());
  if (schedule->cluster != cluster.name) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: spec.cluster: it is for {}, not for {}", file,
                                                         schedule->cluster, cluster.name));
  }
  if (Result<TimeZone> zone = TimeZone::load(schedule->time_zone); !zone)
    return fail(zone.error().code, fmt::format("{}: spec.timeZone: {}", file, zone.error().message));
  if (Status fine = check_places(*schedule, file); !fine) return fine;
  return save(cluster.paths.schedules(), *schedule);
}

Status change(const local::SchedulePaths& paths, const BackupSchedules& request) {
  Result<BackupSchedule> schedule = load(paths, request.schedule);
  bool known = schedule || schedule.error().code != ErrorCode::kNotFound;
  if (request.action == Action::kRemove && known) {
    std::error_code failed;
    std::filesystem::remove(paths.document(request.schedule), failed);
    if (failed)
      return fail(ErrorCode::kInternal,
                  fmt::format("{}: {}", paths.document(request.schedule), failed.message()));
    std::filesystem::remove(paths.diary(request.schedule), failed);
    return local::sync_folder(paths.folder);
  }
  if (!schedule) return fail(schedule.error());
  if (request.action == Action::kRun)
    return local::replace_file(paths.wish(request.schedule), "now\n", local::Durability::kVolatile);
  schedule->suspended = request.action == Action::kSuspend;
  return save(paths, *schedule);
}

}  // namespace

std::vector<std::string> schedule_lines(const local::SchedulePaths& paths, const Terminal& terminal) {
  std::vector<std::string> lines;
  for (const Shown& shown : look_at_all(paths)) {
    const BackupRun* good = shown.last_good();
    std::string text = fmt::format("Backups {}: ", shown.name);
    bool failed = !shown.schedule || (!shown.diary.runs.empty() && !shown.diary.runs.back().good);
    if (failed)
      text += fmt::format("! {}; ", printable(shown.schedule ? shown.diary.runs.back().what
                                                             : shown.schedule.error().message));
    text += good == nullptr ? "none yet" : "the last good one is of " + time_text(good->ended_ms);
    if (shown.schedule && shown.schedule->suspended) text += ", suspended";
    if (shown.next_ms) text += ", the next is due " + time_text(*shown.next_ms);
    lines.push_back(failed ? paint(text, Style::kWarning, terminal.colour) : text);
  }
  return lines;
}

Outcome run_backup(const BackupSchedules& schedules, const BackupCommand&, Context& context) {
  Result<Chosen> cluster = choose_cluster(context.home, schedules.cluster);
  if (!cluster) return fail(cluster.error());
  if (schedules.action == Action::kList) return list(*cluster, context);
  if (schedules.action == Action::kRun && cluster->supervisor_pid == 0) {
    return fail(
        ErrorCode::kNotFound,
        fmt::format("{} has no supervisor that could make it; `keyway backup create {}` makes one without",
                    cluster->name, cluster->name));
  }
  Status done = schedules.action == Action::kSet ? set(*cluster, schedules.file)
                                                 : change(cluster->paths.schedules(), schedules);
  if (!done) return fail(done.error());
  return list(*cluster, context);
}

}  // namespace keyway::cli
