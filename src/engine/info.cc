// parse_info: the text of INFO, lines of "name:value" under headings that begin with '#'. Names that Keyway
// has no use for are passed over.
#include <array>

#include "base/format.h"
#include "base/strings.h"
#include "engine/cut.h"
#include "engine/observe.h"

namespace keyway::engine {

namespace {

using cluster::ServerFacts;

// What is read on the way to the facts.
struct Reading {
  explicit Reading(ServerFacts& into) : facts(into) {}

  ServerFacts& facts;
  bool loading = false;
  std::string_view redis_version;
  std::string_view valkey_version;  // Valkey tells a Redis version too: the one it is compatible with
  std::string_view role;
  int64_t primary_offset = 0;
  int64_t replica_offset = 0;
};

template <typename T>
bool read_number(std::string_view text, T& number) {
  std::optional<int64_t> value = parse_int(text);
  if (!value || !std::in_range<T>(*value)) return false;
  number = static_cast<T>(*value);
  return true;
}

bool read_text(std::string_view value, std::string& text) {
  text = value;
  return true;
}

bool read_view(std::string_view value, std::string_view& view) {
  view = value;
  return true;
}

bool read_flag(std::string_view value, bool& flag) {
  flag = value == "1";
  return flag || value == "0";
}

bool read_last_io(std::string_view seconds, int64_t& last_io_ms) {
  int32_t value = 0;
  if (!read_number(seconds, value)) return false;
  last_io_ms = value < 0 ? -1 : int64_t{value} * 1000;
  return true;
}

struct Field {
  std::string_view name;
  bool (*read)(std::string_view value, Reading& reading);  // false: the value is not what it should be
};

constexpr std::array kFields = {
    Field{"redis_version", [](std::string_view v, Reading& r) { return read_view(v, r.redis_version); }},
    Field{"valkey_version", [](std::string_view v, Reading& r) { return read_view(v, r.valkey_version); }},
    Field{"process_id", [](std::string_view v, Reading& r) { return read_number(v, r.facts.process_id); }},
    Field{"used_memory", [](std::string_view v, Reading& r) { return read_number(v, r.facts.memory_bytes); }},
    Field{"instantaneous_ops_per_sec",
          [](std::string_view v, Reading& r) { return read_number(v, r.facts.ops_per_s); }},
    Field{"availability_zone", [](std::string_view v, Reading& r) { return read_text(v, r.facts.zone); }},
    Field{"cluster_enabled",
          [](std::string_view v, Reading& r) { return read_flag(v, r.facts.cluster_enabled); }},
    Field{"loading", [](std::string_view v, Reading& r) { return read_flag(v, r.loading); }},
    Field{"role", [](std::string_view v, Reading& r) { return read_view(v, r.role); }},
    Field{"master_host",
          [](std::string_view v, Reading& r) { return read_text(v, r.facts.primary_address.host); }},
    Field{"master_port",
          [](std::string_view v, Reading& r) { return read_number(v, r.facts.primary_address.port); }},
    Field{"master_link_status",
          [](std::string_view v, Reading& r) {
            r.facts.link_up = v == "up";
            r.facts.was_linked = r.facts.was_linked || r.facts.link_up;
            return true;
          }},
    // Told while the link is down; -1 if it has never been up.
    Field{"master_link_down_since_seconds",
          [](std::string_view v, Reading& r) {
            int64_t since_s = 0;
            if (!read_number(v, since_s)) return false;
            r.facts.was_linked = r.facts.was_linked || since_s >= 0;
            r.facts.link_down_ms = since_s < 0 ? -1 : since_s * 1000;
            return true;
          }},
    Field{"master_last_io_seconds_ago",
          [](std::string_view v, Reading& r) { return read_last_io(v, r.facts.last_io_ms); }},
    Field{"master_sync_in_progress",
          [](std::string_view v, Reading& r) { return read_flag(v, r.facts.syncing); }},
    Field{"slave_repl_offset",
          [](std::string_view v, Reading& r) { return read_number(v, r.replica_offset); }},
    Field{"connected_slaves",
          [](std::string_view v, Reading& r) { return read_number(v, r.facts.connected_replicas); }},
    Field{"master_replid", [](std::string_view v, Reading& r) { return read_text(v, r.facts.replid); }},
    Field{"master_replid2", [](std::string_view v, Reading& r) { return read_text(v, r.facts.replid2); }},
    Field{"master_repl_offset",
          [](std::string_view v, Reading& r) { return read_number(v, r.primary_offset); }},
    Field{"second_repl_offset",
          [](std::string_view v, Reading& r) { return read_number(v, r.facts.second_offset); }},
};

// "db0:keys=60,expires=0,avg_ttl=0": true if it is no such line, or could be read.
bool read_keyspace(std::string_view name, std::string_view value, ServerFacts& facts) {
  constexpr std::string_view keys = "keys=";
  if (!name.starts_with("db") || !value.starts_with(keys)) return true;
  int64_t count = 0;
  if (!read_number(cut(value, ',').substr(keys.size()), count)) return false;
  if (__builtin_add_overflow(facts.keys, count, &facts.keys)) return false;
  return true;
}

bool read_line(std::string_view name, std::string_view value, Reading& reading) {
  for (const Field& field : kFields) {
    if (field.name == name) return field.read(value, reading);
  }
  return read_keyspace(name, value, reading.facts);
}

}  // namespace

Status parse_info(std::string_view text, ServerFacts& facts, bool& loading) {
  facts.keys = 0;
  Reading reading(facts);
  while (!text.empty()) {
    std::string_view value = cut_line(text);
    if (value.empty() || value.front() == '#') continue;
    std::string_view name = cut(value, ':');
    if (!read_line(name, value, reading)) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("INFO has {}:{}, which is not understood", name, value.substr(0, 80)));
    }
  }
  bool replica = reading.role == "slave";
  if (reading.redis_version.empty() || (!replica && reading.role != "master")) {
    return fail(ErrorCode::kCorrupt, "INFO tells no version and role");
  }
  bool valkey = !reading.valkey_version.empty();
  facts.engine = valkey ? cluster::EngineKind::kValkey : cluster::EngineKind::kRedis;
  facts.version = valkey ? reading.valkey_version : reading.redis_version;
  facts.role = replica ? cluster::Role::kReplica : cluster::Role::kPrimary;
  facts.offset = replica ? reading.replica_offset : reading.primary_offset;
  loading = reading.loading;
  return {};
}

}  // namespace keyway::engine
