// history: what has happened to a cluster, from the flight records that its supervisor keeps.
#include <chrono>

#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/clusters.h"
#include "cli/commands.h"
#include "cli/history_view.h"
#include "cli/table.h"
#include "platform/local/files.h"
#include "reconcile/flight_recorder.h"

namespace keyway::cli {

namespace {

namespace local = platform::local;
using reconcile::FlightRecord;

struct Read {
  std::vector<FlightRecord> records;  // oldest first
  std::vector<std::string> lines;     // as they stand in the file
  int unreadable = 0;                 // lines that are none: the last one of a process that was killed
};

// A file that is not there holds nothing: the older one is made only when there is much to tell.
Status read_into(Read& read, const std::string& path, bool must_exist) {
  Result<std::string> text = local::read_file(path, 2 * reconcile::kMaxHistoryBytes);
  if (!text && text.error().code == ErrorCode::kNotFound && !must_exist) return {};
  if (!text) return fail(text.error());
  for (std::string_view line : split(*text, '\n')) {
    if (line.empty()) continue;
    Result<FlightRecord> record = reconcile::parse_flight_record(line);
    if (record) {
      read.records.push_back(std::move(*record));
      read.lines.emplace_back(line);
    } else {
      ++read.unreadable;
    }
  }
  return {};
}

Result<Read> read_history(const HistoryCommand& command, const std::string& home) {
  Read read;
  if (!command.file.empty()) {
    if (Status done = read_into(read, command.file, true); !done) return fail(done.error());
    if (read.records.empty() && read.unreadable > 0)
      return fail(ErrorCode::kCorrupt, fmt::format("{}: is no history of a cluster", command.file));
    return read;
  }
  Result<Chosen> cluster = choose_cluster(home, command.cluster);
  if (!cluster) return fail(cluster.error());
  if (!command.shard.empty()) {
    bool known = false;
    for (const cluster::PartitionSpec& partition : cluster->state.spec.partitions)
      known = known || partition.name == command.shard;
    if (!known) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("--shard: {} has no shard {}; `keyway status {}` lists them", cluster->name,
                              command.shard, cluster->name));
    }
  }
  const std::string path = cluster->paths.history_file();
  Status done = read_into(read, path + ".1", false);
  if (done) done = read_into(read, path, false);
  if (!done) return fail(done.error());
  return read;
}

void leave_out_older(Read& read, int64_t since_ms) {
  int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  size_t first = 0;
  while (first < read.records.size() && read.records[first].at_ms < now_ms - since_ms) ++first;
  read.records.erase(read.records.begin(), read.records.begin() + static_cast<std::ptrdiff_t>(first));
  read.lines.erase(read.lines.begin(), read.lines.begin() + static_cast<std::ptrdiff_t>(first));
}

bool mentions(const FlightRecord& record, const std::string& shard) {
  for (const reconcile::FlightStep& step : record.steps) {
    if (step.shard == shard) return true;
  }
  for (const reconcile::FlightOutcome& outcome : record.outcomes) {
    if (outcome.step.shard == shard) return true;
  }
  for (const cluster::Problem& problem : record.problems) {
    if (problem.shard == shard) return true;
  }
  return false;
}

void print_records(const Read& read, const std::string& shard, Output& output) {
  for (size_t i = 0; i < read.lines.size(); ++i) {
    if (shard.empty() || mentions(read.records[i], shard)) output.print(read.lines[i] + "\n");
  }
}

void print_lines(const Read& read, const HistoryCommand& command, Output& output) {
  std::vector<HistoryLine> lines = history_lines(read.records, command.shard);
  size_t first = lines.size() - std::min(lines.size(), static_cast<size_t>(command.lines));
  Table table({{"TIME (UTC)"}, {"SHARD"}, {"WHAT HAPPENED"}});
  for (size_t i = first; i < lines.size(); ++i) {
    table.add({{utc_text(lines[i].at_ms), Style::kFaint}, {lines[i].shard}, {lines[i].text, lines[i].style}});
  }
  if (first == lines.size()) {
    output.note("nothing has happened that is on record");
  } else {
    output.print_lines(table.render(output.out()));
  }
  if (read.unreadable > 0)
    output.note(fmt::format("{} could not be read and left out", count_of(read.unreadable, "line")));
}

// Runs today's planner on what was seen then.
Outcome replay_all(const Read& read, Output& output) {
  int64_t replayed = 0;
  int64_t differing = 0;
  JsonText json;
  json.open_object();
  json.open_array("differences");
  for (const FlightRecord& record : read.records) {
    if (!record.has_facts) continue;
    ++replayed;
    std::vector<std::string> differences = reconcile::replay(record, cluster::Policy{});
    if (!differences.empty()) ++differing;
    for (const std::string& text : differences) {
      json.open_object();
      json.number("at_ms", record.at_ms);
      json.text("text", text);
      json.close();
      if (!output.json()) output.print(fmt::format("{}  {}\n", utc_text(record.at_ms), text));
    }
  }
  json.close();
  json.number("replayed", replayed);
  json.number("differing", differing);
  json.close();
  if (output.json()) {
    output.print(json.take());
  } else {
    output.print(
        fmt::format("{} replayed, {} planned differently today\n", count_of(replayed, "plan"), differing));
  }
  return differing == 0 ? kExitDone : kExitFailed;
}

}  // namespace

Outcome run(const HistoryCommand& command, Context& context) {
  Result<Read> read = read_history(command, context.home);
  if (!read) return fail(read.error());
  if (command.since_ms) leave_out_older(*read, *command.since_ms);
  if (command.replay) return replay_all(*read, context.output);
  if (context.output.json()) {
    print_records(*read, command.shard, context.output);
  } else {
    print_lines(*read, command, context.output);
  }
  return kExitDone;
}

}  // namespace keyway::cli
