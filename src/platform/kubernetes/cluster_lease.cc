#include "platform/kubernetes/cluster_lease.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_quote.h"
#include "cluster/spec_rules.h"

namespace keyway::platform::kubernetes {

namespace {

using Json = nlohmann::json;

constexpr int64_t kMaxCount = std::numeric_limits<int64_t>::max();
constexpr size_t kMaxShardBytes = 63;   // a label's value
constexpr size_t kMaxPodBytes = 253;    // an object's name
constexpr size_t kMaxCodeBytes = 64;    // of a problem
constexpr size_t kMaxTextBytes = 1024;  // for people, as it is read
constexpr size_t kWrittenTextBytes = 200;
constexpr size_t kMaxShards = cluster::kMaxShards;
constexpr size_t kShardSteps = 32;

// Reads fields; the first one that is not as it should be makes all of it unreadable.
class Reading {
 public:
  explicit Reading(std::string_view annotation) : annotation_(annotation) {}

  void refuse(std::string_view field, std::string_view what) {
    if (!error_) error_ = fmt::format("{}: \"{}\" is {}", annotation_, field, what);
  }
  // The member, or null if it is not there.
  static const Json& at(const Json& object, const char* name) {
    static const Json none;
    auto found = object.find(name);
    return found == object.end() ? none : *found;
  }
  int64_t number(const Json& object, const char* name, const std::string& field, int64_t max) {
    const Json& value = at(object, name);
    if (value.is_null()) return 0;
    // Numbers beyond int64_t are unsigned ones, or have become fractions.
    bool fits = value.is_number_integer() &&
                (!value.is_number_unsigned() || value.get<uint64_t>() <= static_cast<uint64_t>(kMaxCount));
    int64_t number = fits ? value.get<int64_t>() : -1;
    if (number >= 0 && number <= max) return number;
    refuse(field, max == kMaxCount ? "no count" : fmt::format("no number from 0 to {}", max));
    return 0;
  }
  bool flag(const Json& object, const char* name, const std::string& field) {
    const Json& value = at(object, name);
    if (!value.is_null() && !value.is_boolean()) refuse(field, "neither true nor false");
    return value.is_boolean() && value.get<bool>();
  }
  std::string text(const Json& value, const std::string& field, size_t max_bytes) {
    if (value.is_null()) return {};
    if (!value.is_string()) {
      refuse(field, "no text");
      return {};
    }
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > max_bytes) refuse(field, fmt::format("longer than {} bytes", max_bytes));
    return text;
  }
  // A name; never empty.
  std::string name(const Json& value, const std::string& field, size_t max_bytes) {
    std::string name = text(value, field, max_bytes);
    if (name.empty()) refuse(field, "no name");
    return name;
  }
  // A list or map with at most so many members; else one without any.
  const Json& members(const Json& object, const char* name, bool map, size_t max) {
    static const Json none = Json::array();
    const Json& value = at(object, name);
    if (value.is_null()) return none;
    if (map ? !value.is_object() : !value.is_array()) {
      refuse(name, map ? "no object" : "no list");
      return none;
    }
    if (value.size() <= max) return value;
    refuse(name, fmt::format("longer than {} members", max));
    return none;
  }
  Result<Json> document(std::string_view text, size_t max_bytes) const {
    if (text.size() > max_bytes)
      return fail(ErrorCode::kCorrupt, fmt::format("{} is longer than {} bytes", annotation_, max_bytes));
    Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return fail(ErrorCode::kCorrupt, fmt::format("{} is no JSON object", annotation_));
    return json;
  }
  template <typename T>
  Result<T> result(T value) const {
    if (error_) return fail(ErrorCode::kCorrupt, *error_);
    return value;
  }

 private:
  std::string_view annotation_;
  std::optional<std::string> error_;
};

std::string field(std::string_view list, size_t index, std::string_view name = "") {
  return fmt::format("{}[{}]{}{}", list, index, name.empty() ? "" : ".", name);
}

void read_shard_replicas(Reading& reading, const Json& json, Wanted& wanted) {
  const Json& shards = reading.members(json, "shard_replicas", true, kMaxShards);
  for (const auto& [shard, count] : shards.items()) {
    reading.name(shard, "shard_replicas", kMaxShardBytes);
    wanted.shard_replicas[shard] = static_cast<int>(
        reading.number(shards, shard.c_str(), "shard_replicas." + shard, cluster::kMaxReplicas));
  }
}

void read_slots(Reading& reading, const Json& json, Wanted& wanted) {
  for (const auto& [shard, value] : reading.members(json, "slots", true, kMaxShards).items()) {
    std::string at = "slots." + shard;
    reading.name(shard, "slots", kMaxShardBytes);
    auto ranges = cluster::parse_slots(reading.text(value, at, kMaxWantedBytes));
    if (!ranges) reading.refuse(at, "no list of slots");
    wanted.slots[shard] = std::move(ranges).value_or(cluster::SlotRanges{});
  }
}

void read_shards(Reading& reading, const Json& json, Report& report) {
  for (const auto& [name, value] : reading.members(json, "shards", true, kMaxShards).items()) {
    std::string at = "shards." + name;
    reading.name(name, "shards", kMaxShardBytes);
    if (!value.is_object()) {
      reading.refuse(at, "no object");
      continue;
    }
    Report::Shard& shard = report.shards[name];
    shard.primary = reading.text(Reading::at(value, "primary"), at + ".primary", kMaxPodBytes);
    shard.slots = reading.number(value, "slots", at + ".slots", cluster::kSlotCount);
    shard.replicas_in_sync = static_cast<int>(
        reading.number(value, "replicas_in_sync", at + ".replicas_in_sync", cluster::kMaxNodes));
  }
}

void read_problems(Reading& reading, const Json& json, Report& report) {
  size_t i = 0;
  for (const Json& value : reading.members(json, "problems", false, kMaxReportProblems)) {
    Report::Problem& problem = report.problems.emplace_back();
    problem.code = reading.name(Reading::at(value, "code"), field("problems", i, "code"), kMaxCodeBytes);
    problem.shard = reading.text(Reading::at(value, "shard"), field("problems", i, "shard"), kMaxShardBytes);
    problem.text = reading.text(Reading::at(value, "text"), field("problems", i, "text"), kMaxTextBytes);
    ++i;
  }
}

void read_outcomes(Reading& reading, const Json& json, Report& report) {
  size_t i = 0;
  for (const Json& value : reading.members(json, "outcomes", false, kMaxReportOutcomes)) {
    Report::Outcome& outcome = report.outcomes.emplace_back();
    if (!value.is_object()) {
      reading.refuse(field("outcomes", i), "no object");
      return;
    }
    outcome.n = reading.number(value, "n", field("outcomes", i, "n"), kMaxCount);
    outcome.what = reading.text(Reading::at(value, "what"), field("outcomes", i, "what"), kMaxTextBytes);
    outcome.why = reading.text(Reading::at(value, "why"), field("outcomes", i, "why"), kMaxTextBytes);
    outcome.ok = reading.flag(value, "ok", field("outcomes", i, "ok"));
    outcome.text = reading.text(Reading::at(value, "text"), field("outcomes", i, "text"), kMaxTextBytes);
    ++i;
  }
}

// The text up to `max_bytes`, without a part of a letter at its end.
std::string cut(std::string_view text, size_t max_bytes) {
  constexpr std::string_view ellipsis = "…";
  if (text.size() <= max_bytes) return json_quote(text);
  size_t end = max_bytes - ellipsis.size();
  auto continues = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; };
  while (end > 0 && continues(text[end])) --end;
  return json_quote(std::string(text.substr(0, end)).append(ellipsis));
}

template <typename Range, typename Write>
std::string joined(char open, char close, const Range& range, Write write) {
  std::string out(1, open);
  for (const auto& element : range) {
    if (out.size() > 1) out += ',';
    out += write(element);
  }
  return out + close;
}

std::string write_report(const Report& report) {
  std::string shards = joined('{', '}', report.shards, [](const auto& entry) {
    const Report::Shard& shard = entry.second;
    return fmt::format(R"({}:{{"primary":{},"slots":{},"replicas_in_sync":{}}})", json_quote(entry.first),
                       json_quote(shard.primary), shard.slots, shard.replicas_in_sync);
  });
  std::string drained =
      joined('[', ']', report.drained, [](const std::string& name) { return json_quote(name); });
  std::string problems = joined('[', ']', report.problems, [](const Report::Problem& problem) {
    return fmt::format(R"({{"code":{},"shard":{},"text":{}}})", json_quote(problem.code),
                       json_quote(problem.shard), cut(problem.text, kWrittenTextBytes));
  });
  std::string outcomes = joined('[', ']', report.outcomes, [](const Report::Outcome& outcome) {
    return fmt::format(R"({{"n":{},"what":{},"why":{},"ok":{},"text":{}}})", outcome.n,
                       cut(outcome.what, kWrittenTextBytes), cut(outcome.why, kWrittenTextBytes), outcome.ok,
                       cut(outcome.text, kWrittenTextBytes));
  });
  return fmt::format(
      R"({{"generation":{},"formed":{},"slots_assigned":{},"slots_served":{},"shards":{},"drained":{},"doing":{},"problems":{},"outcomes":{}}})",
      report.generation, report.formed, report.slots_assigned, report.slots_served, shards, drained,
      cut(report.doing, kWrittenTextBytes), problems, outcomes);
}

// Something less important than the rest.
bool shorten(Report& report) {
  if (!report.outcomes.empty()) {
    report.outcomes.erase(report.outcomes.begin());
  } else if (!report.problems.empty()) {
    report.problems.pop_back();
  } else if (!report.drained.empty()) {
    report.drained.pop_back();
  } else if (!report.shards.empty()) {
    // Of many, many at once: each look at what is left writes all of it.
    size_t less = report.shards.size() / kShardSteps + 1;
    report.shards.erase(std::prev(report.shards.end(), static_cast<std::ptrdiff_t>(less)),
                        report.shards.end());
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<Wanted> parse_wanted(std::string_view json) {
  Reading reading(kWantedAnnotation);
  Result<Json> document = reading.document(json, kMaxWantedBytes);
  if (!document) return fail(document.error());
  Wanted wanted;
  wanted.generation = reading.number(*document, "generation", "generation", kMaxCount);
  size_t i = 0;
  for (const Json& value : reading.members(*document, "partitions", false, kMaxShards)) {
    std::string at = field("partitions", i++);
    const std::string& name = wanted.partitions.emplace_back(reading.name(value, at, kMaxShardBytes));
    if (cluster::label_problem(name)) reading.refuse(at, "no name for a shard");
  }
  if (!Reading::at(*document, "replicas").is_null())
    wanted.replicas =
        static_cast<int>(reading.number(*document, "replicas", "replicas", cluster::kMaxReplicas));
  read_shard_replicas(reading, *document, wanted);
  read_slots(reading, *document, wanted);
  for (const auto& [shard, pod] : reading.members(*document, "switchover", true, kMaxShards).items()) {
    reading.name(shard, "switchover", kMaxShardBytes);
    wanted.switchover[shard] = reading.name(pod, "switchover." + shard, kMaxPodBytes);
  }
  return reading.result(std::move(wanted));
}

Result<Report> parse_report(std::string_view json) {
  Reading reading(kReportAnnotation);
  Result<Json> document = reading.document(json, kMaxReportBytes);
  if (!document) return fail(document.error());
  Report report;
  report.generation = reading.number(*document, "generation", "generation", kMaxCount);
  report.formed = reading.flag(*document, "formed", "formed");
  report.slots_assigned = reading.number(*document, "slots_assigned", "slots_assigned", cluster::kSlotCount);
  report.slots_served = reading.number(*document, "slots_served", "slots_served", cluster::kSlotCount);
  read_shards(reading, *document, report);
  size_t i = 0;
  for (const Json& value : reading.members(*document, "drained", false, kMaxShards))
    report.drained.push_back(reading.name(value, field("drained", i++), kMaxShardBytes));
  report.doing = reading.text(Reading::at(*document, "doing"), "doing", kMaxTextBytes);
  read_problems(reading, *document, report);
  read_outcomes(reading, *document, report);
  return reading.result(std::move(report));
}

std::string wanted_json(const Wanted& wanted) {
  std::string text = fmt::format(R"({{"generation":{})", wanted.generation);
  if (!wanted.partitions.empty())
    text += R"(,"partitions":)" +
            joined('[', ']', wanted.partitions, [](const std::string& name) { return json_quote(name); });
  if (wanted.replicas) text += fmt::format(R"(,"replicas":{})", *wanted.replicas);
  if (!wanted.shard_replicas.empty())
    text += R"(,"shard_replicas":)" + joined('{', '}', wanted.shard_replicas, [](const auto& entry) {
              return fmt::format("{}:{}", json_quote(entry.first), entry.second);
            });
  if (!wanted.slots.empty())
    text += R"(,"slots":)" + joined('{', '}', wanted.slots, [](const auto& entry) {
              return json_quote(entry.first) + ":" + json_quote(cluster::to_string(entry.second));
            });
  if (!wanted.switchover.empty())
    text += R"(,"switchover":)" + joined('{', '}', wanted.switchover, [](const auto& entry) {
              return json_quote(entry.first) + ":" + json_quote(entry.second);
            });
  return text + "}";
}

std::string report_json(const Report& report) {
  Report shown = report;
  while (shown.outcomes.size() > kMaxReportOutcomes) shown.outcomes.erase(shown.outcomes.begin());
  if (shown.problems.size() > kMaxReportProblems) shown.problems.resize(kMaxReportProblems);
  std::string text = write_report(shown);
  while (text.size() > kMaxReportBytes && shorten(shown)) text = write_report(shown);
  return text;
}

}  // namespace keyway::platform::kubernetes
