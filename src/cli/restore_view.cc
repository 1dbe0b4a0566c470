#include "cli/restore_view.h"

#include "base/format.h"
#include "base/strings.h"
#include "cli/cluster/summary.h"

namespace keyway::cli {

namespace {

using admin::RestoreResult;

std::string counted(int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

// "12 hashes" would need a plural of each name: "hash 12" does not.
std::string types_text(const RestoreResult& result) {
  std::vector<std::string> parts;
  for (const auto& [type, count] : result.by_type)
    parts.push_back(fmt::format("{} {}", type, grouped(count)));
  return join(parts, ", ");
}

std::string rest_text(const RestoreResult& result) {
  std::string text;
  if (result.left_out > 0) text += fmt::format(", {} left out as asked for", grouped(result.left_out));
  if (result.expired > 0) text += fmt::format(", {} had expired", grouped(result.expired));
  if (result.present > 0) text += fmt::format(", {} were there already and stayed", grouped(result.present));
  if (result.functions > 0)
    text += fmt::format(", {} of functions",
                        result.functions == 1 ? "1 library" : fmt::format("{} libraries", result.functions));
  return text;
}

}  // namespace

std::vector<std::string> restore_lines(const RestoreResult& result, bool dry_run) {
  std::vector<std::string> lines;
  if (dry_run) {
    lines.push_back(
        fmt::format("All of it can be read: {}{}.", counted(result.keys, "key"), rest_text(result)));
  } else {
    int64_t per_s = result.elapsed_ms > 0 ? result.written * 1000 / result.elapsed_ms : result.written;
    lines.push_back(fmt::format("{}{} of {} restored{}; {} in {} ({} keys/s).",
                                result.interrupted ? "Interrupted: " : "", grouped(result.written),
                                counted(result.keys, "key"), rest_text(result), human_bytes(result.bytes),
                                human_duration(result.elapsed_ms), grouped(per_s)));
  }
  if (!result.by_type.empty()) lines.push_back("By type: " + types_text(result) + ".");
  if (result.unchecked)
    lines.emplace_back("The data has no checksum (rdbchecksum no); what was altered in it goes unnoticed.");
  if (dry_run) {
    lines.push_back(
        fmt::format("The target holds {} now. Nothing was written.", counted(result.before, "key")));
  } else if (result.interrupted) {
    lines.emplace_back("The same command again finishes it.");
  } else {
    lines.push_back(fmt::format("The target held {} before and holds {} now.", counted(result.before, "key"),
                                grouped(result.after)));
  }
  return lines;
}

void write_restore(JsonText& json, const RestoreResult& result, bool dry_run) {
  json.boolean("dry_run", dry_run);
  json.number("keys", result.keys);
  json.number("written", result.written);
  json.number("left_out", result.left_out);
  json.number("expired", result.expired);
  json.number("present", result.present);
  json.number("functions", result.functions);
  json.number("bytes", result.bytes);
  json.open_object("by_type");
  for (const auto& [type, count] : result.by_type) json.number(type, count);
  json.close();
  json.number("before", result.before);
  json.number("after", result.after);
  json.boolean("resumed", result.resumed);
  json.boolean("checksummed", !result.unchecked);
  json.boolean("interrupted", result.interrupted);
  json.number("elapsed_ms", result.elapsed_ms);
}

}  // namespace keyway::cli
