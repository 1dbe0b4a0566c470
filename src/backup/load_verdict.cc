#include "backup/load_verdict.h"

#include <array>
#include <optional>
#include <vector>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/server_log.h"

namespace keyway::backup {

namespace {

std::string engine_text(const platform::local::EngineProgram& engine) {
  return fmt::format("{} {}", cluster::to_string(engine.kind), engine.version);
}

// Whether it knows all that the server knew which the data was taken from. Unreadable versions: no.
bool is_as_new(const platform::local::EngineProgram& engine, const BackedUpShard& shard) {
  std::vector<std::string_view> parts = split(shard.server_version, '.');
  std::optional<int64_t> major = parse_int(parts[0]);
  std::optional<int64_t> minor = parts.size() > 1 ? parse_int(parts[1]) : std::nullopt;
  if (!major || !minor || engine.kind != shard.engine) return false;
  return engine.major != *major ? engine.major > *major : engine.minor >= *minor;
}

// The first line of the log that has one of the words, without its prefix.
std::string line_with(std::string_view log, const auto& words) {
  for (std::string_view line : split(log, '\n')) {
    std::string lower = to_lower(line);
    for (std::string_view word : words) {
      if (lower.find(word) != std::string::npos)
        return std::string(platform::local::strip_prefix(line).substr(0, 300));
    }
  }
  return "";
}

}  // namespace

Error judge_failed_load(const FailedLoad& load, const BackedUpShard& shard) {
  std::string version = line_with(
      load.log, std::array{std::string_view("rdb format version"), std::string_view("rdb version")});
  if (version.empty() && load.file.family == rdb::Family::kValkey)
    version = line_with(load.log, std::array{std::string_view("wrong signature")});
  if (!version.empty()) {
    return {ErrorCode::kUnsupported,
            fmt::format("{} cannot read a file of version {} ({}), so it cannot tell whether the backup is "
                        "good; name a newer server, or one of the other kind, with --engine. It says: {}",
                        engine_text(load.engine), load.file.version, rdb::writer_of(load.file), version)};
  }
  std::string module = line_with(load.log, std::array{std::string_view("no matching module")});
  if (!module.empty()) {
    return {ErrorCode::kUnsupported, fmt::format("{} does not have a module that the data needs; it says: {}",
                                                 load.engine.server, module)};
  }
  platform::local::LogVerdict verdict = platform::local::read_verdict(load.log);
  if (verdict.reason.find("ddress already in use") != std::string::npos)
    return {ErrorCode::kConflict, verdict.reason};
  // The killer of processes says nothing into their logs.
  bool killed = load.exit.starts_with("killed by signal 9");
  if (killed || to_lower(verdict.reason).starts_with("out of memory")) {
    return {ErrorCode::kExhausted,
            fmt::format("{} did not have the memory to load it ({}){}{}", engine_text(load.engine), load.exit,
                        verdict.reason.empty() ? "" : ": ", verdict.reason)};
  }
  std::string said = verdict.reason.empty() ? "it says nothing" : "it says: " + verdict.reason;
  if (!verdict.unloadable) {
    return {ErrorCode::kUnavailable,
            fmt::format("{} ended while it loaded it ({}); {}", engine_text(load.engine), load.exit, said)};
  }
  if (is_as_new(load.engine, shard))
    return {ErrorCode::kCorrupt, fmt::format("{} does not load it; {}", engine_text(load.engine), said)};
  return {ErrorCode::kUnsupported,
          fmt::format("{} does not load what was taken from {} {}, so it cannot tell whether the backup is "
                      "good; name a server that is as new with --engine. It says: {}",
                      engine_text(load.engine), cluster::to_string(shard.engine), shard.server_version,
                      verdict.reason)};
}

}  // namespace keyway::backup
