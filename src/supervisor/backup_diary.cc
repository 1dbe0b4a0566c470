#include "supervisor/backup_diary.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::supervisor {

namespace {

using cluster::BackupSchedule;
using nlohmann::json;

constexpr int kMaxMissed = 100'000;
constexpr size_t kMaxWhatBytes = 2000;
constexpr std::array<int64_t, 3> kRetriesMs = {60'000, 300'000, 900'000};

void add(std::vector<std::string>& words, const char* flag, const std::string& value) {
  if (!value.empty()) words.insert(words.end(), {flag, value});
}

constexpr std::string_view kProgram = "keyway: ";

}  // namespace

std::string times_of(const BackupSchedule& schedule) {
  return fmt::format("{} {}{}", schedule.when, schedule.time_zone, schedule.suspended ? " suspended" : "");
}

std::optional<int64_t> next_time(const BackupSchedule& schedule, const TimeZone& zone, int64_t after_ms) {
  auto civil = std::chrono::floor<std::chrono::minutes>(zone.civil(after_ms));
  // A time that clocks show twice is used once: the next one may then not be later.
  while (std::optional<cluster::CivilMinute> due = cluster::next_due(schedule.cron, civil)) {
    int64_t due_ms = zone.wall_ms(*due);
    if (due_ms > after_ms) return due_ms;
    civil = *due;
  }
  return std::nullopt;
}

std::optional<int64_t> time_due(const BackupSchedule& schedule, const TimeZone& zone,
                                const BackupDiary& diary, int64_t now_ms) {
  // A clock that was set back must not end the backups until it has caught up.
  int64_t after_ms = std::min(now_ms, std::max(diary.since_ms, diary.last_due_ms));
  std::optional<int64_t> latest;
  for (int missed = 0; missed < kMaxMissed; ++missed) {
    std::optional<int64_t> due_ms = next_time(schedule, zone, latest.value_or(after_ms));
    if (!due_ms || *due_ms > now_ms) break;
    latest = due_ms;
  }
  bool late = latest && schedule.deadline_s && now_ms - *latest > *schedule.deadline_s * 1000;
  return late ? std::nullopt : latest;
}

std::optional<int64_t> retry_due(const BackupDiary& diary, int64_t now_ms) {
  // Longer than the longest wait: the clock was set back.
  bool astray = diary.retry_ms - now_ms > kRetriesMs.back();
  bool due = diary.retry_ms != 0 && (diary.retry_ms <= now_ms || astray);
  if (!due) return std::nullopt;
  return diary.last_due_ms != 0 ? diary.last_due_ms : diary.retry_ms;  // 0: it was asked for besides
}

void note_attempt(BackupDiary& diary, BackupRun run, int history) {
  diary.failures = run.good ? 0 : diary.failures + 1;
  bool again = !run.good && static_cast<size_t>(diary.failures) <= kRetriesMs.size();
  diary.retry_ms = again ? run.ended_ms + kRetriesMs.at(static_cast<size_t>(diary.failures) - 1) : 0;
  note_run(diary, std::move(run), history);
}

void note_run(BackupDiary& diary, BackupRun run, int history) {
  diary.runs.push_back(std::move(run));
  while (diary.runs.size() > static_cast<size_t>(std::max(1, history))) {
    auto last_good =
        std::find_if(diary.runs.rbegin(), diary.runs.rend(), [](const BackupRun& one) { return one.good; });
    bool first_is_last_good = last_good != diary.runs.rend() && &*last_good == &diary.runs.front();
    if (first_is_last_good && diary.runs.size() == 2) return;
    diary.runs.erase(diary.runs.begin() + (first_is_last_good ? 1 : 0));
  }
}

std::vector<std::string> backup_words(const BackupSchedule& schedule, const std::string& outcome_file) {
  std::vector<std::string> words = {"backup", "create", schedule.cluster, "--to", schedule.to};
  add(words, "--endpoint-url", schedule.endpoint_url);
  add(words, "--region", schedule.region);
  add(words, "--addressing-style", schedule.addressing_style);
  add(words, "--sse", schedule.sse);
  add(words, "--sse-kms-key-id", schedule.sse_kms_key_id);
  add(words, "--key-file", schedule.key_file);
  if (schedule.verify) words.push_back("--verify");
  for (auto [flag, count] : {std::pair{"--keep-last", schedule.keep_last},
                             {"--keep-days", schedule.keep_days},
                             {"--keep-daily", schedule.keep_daily},
                             {"--keep-weekly", schedule.keep_weekly},
                             {"--keep-monthly", schedule.keep_monthly}}) {
    if (count > 0) words.insert(words.end(), {flag, std::to_string(count)});
  }
  add(words, "--outcome-file", outcome_file);
  return words;
}

cluster::BackupOutcome read_outcome(std::string_view outcome, std::string_view output) {
  if (Result<cluster::BackupOutcome> read = cluster::parse_backup_outcome(outcome)) return std::move(*read);
  std::string_view text = trim(output);
  std::string_view line = text.substr(text.rfind('\n') + 1);
  if (line.starts_with(kProgram)) line.remove_prefix(kProgram.size());
  cluster::BackupOutcome none;
  none.error = line.empty() ? "it ended without a word" : std::string(line.substr(0, kMaxWhatBytes));
  return none;
}

std::string to_json(const BackupDiary& diary) {
  json runs = json::array();
  for (const BackupRun& run : diary.runs) {
    runs.push_back({{"due_ms", run.due_ms},
                    {"begun_ms", run.begun_ms},
                    {"ended_ms", run.ended_ms},
                    {"good", run.good},
                    {"what", run.what}});
  }
  json document = {{"since_ms", diary.since_ms},       {"times", diary.times},
                   {"last_due_ms", diary.last_due_ms}, {"failures", diary.failures},
                   {"retry_ms", diary.retry_ms},       {"runs", std::move(runs)}};
  if (diary.work) {
    document["work"] = {{"pid", diary.work->process.pid},
                        {"start_ticks", diary.work->process.start_ticks},
                        {"boot_id", diary.work->process.boot_id},
                        {"due_ms", diary.work->due_ms},
                        {"begun_ms", diary.work->begun_ms}};
  }
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<BackupDiary> parse_diary(std::string_view text) {
  try {
    json document = json::parse(text);
    BackupDiary diary;
    diary.since_ms = document.at("since_ms").get<int64_t>();
    diary.times = document.at("times").get<std::string>();
    diary.last_due_ms = document.at("last_due_ms").get<int64_t>();
    diary.failures = std::clamp(document.at("failures").get<int>(), 0, 1000);
    diary.retry_ms = document.at("retry_ms").get<int64_t>();
    for (const json& run : document.at("runs")) {
      diary.runs.push_back({run.at("due_ms").get<int64_t>(), run.at("begun_ms").get<int64_t>(),
                            run.at("ended_ms").get<int64_t>(), run.at("good").get<bool>(),
                            run.at("what").get<std::string>()});
    }
    if (document.contains("work")) {
      const json& work = document["work"];
      diary.work = {{work.at("pid").get<int>(), work.at("start_ticks").get<uint64_t>(),
                     work.at("boot_id").get<std::string>()},
                    work.at("due_ms").get<int64_t>(),
                    work.at("begun_ms").get<int64_t>()};
    }
    return diary;
  } catch (const json::exception& error) {
    return fail(ErrorCode::kCorrupt, fmt::format("it is damaged: {}", error.what()));
  }
}

}  // namespace keyway::supervisor
