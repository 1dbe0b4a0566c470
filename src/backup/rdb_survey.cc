#include "backup/rdb_survey.h"

#include <array>
#include <utility>

#include "base/strings.h"

namespace keyway::backup {

void RdbSurvey::see(const rdb::Header& of, const rdb::Entry& entry, int64_t now_ms) {
  header = of;
  if (entry.kind == rdb::Entry::Kind::kFunction) ++functions;
  if (entry.kind == rdb::Entry::Kind::kAux && entry.key == "used-mem")
    memory_bytes = parse_int(entry.text).value_or(-1);
  if (entry.kind != rdb::Entry::Kind::kKey) return;
  ++keys;
  ++by_type[std::string(entry.type->name)];
  Database& database = databases[entry.database];
  ++database.keys;
  if (!entry.expires_at_ms) return;
  ++database.mortal;
  if (*entry.expires_at_ms <= now_ms) ++expired;
}

std::string_view answer_to_type(const rdb::ValueType& type) {
  constexpr auto answers = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"string", "string"},
      {"list", "list"},
      {"set", "set"},
      {"sorted set", "zset"},
      {"hash", "hash"},
      {"stream", "stream"},
  });
  for (const auto& [name, answer] : answers) {
    if (type.name == name || type.name.starts_with(std::string(name) + " ")) return answer;
  }
  return {};
}

bool has_expiring_parts(const rdb::ValueType& type) {
  return type.name.find("expiring") != std::string_view::npos;
}

std::map<int, RdbSurvey::Database> parse_keyspace(std::string_view info) {
  std::map<int, RdbSurvey::Database> databases;
  for (std::string_view line : split(info, '\n')) {
    size_t colon = line.find(':');
    if (!line.starts_with("db") || colon == std::string_view::npos) continue;
    std::optional<int64_t> number = parse_int(line.substr(2, colon - 2));
    if (!number) continue;
    RdbSurvey::Database& database = databases[static_cast<int>(*number)];
    for (std::string_view field : split(trim(line.substr(colon + 1)), ',')) {
      size_t sign = field.find('=');
      if (sign == std::string_view::npos) continue;
      int64_t value = parse_int(field.substr(sign + 1)).value_or(-1);
      if (field.substr(0, sign) == "keys") database.keys = value;
      if (field.substr(0, sign) == "expires") database.mortal = value;
    }
  }
  return databases;
}

}  // namespace keyway::backup
