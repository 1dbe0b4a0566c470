#include "backup/manifest.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "backup/store.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cluster/spec_rules.h"
#include "platform/kubernetes/time_text.h"

namespace keyway::backup {

namespace {

using Json = nlohmann::json;
using platform::kubernetes::parse_time_us;
using platform::kubernetes::time_text_us;

constexpr size_t kMaxShards = cluster::kMaxShards;
constexpr size_t kMaxNameBytes = 64;
constexpr size_t kMaxTextBytes = 4096;
constexpr size_t kMaxSpecBytes = size_t{1} << 20;
constexpr size_t kMaxRulesBytes = size_t{64} << 10;
constexpr size_t kReplidBytes = 40;
constexpr size_t kSumDigits = 64;
constexpr int64_t kUsPerMs = 1000;
constexpr size_t kTimeBytes = 16;  // "20261122T221400Z"
constexpr int kMaxIdNumber = 999;

bool is_hex(std::string_view text, size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The members of one JSON object. The first one that is not as it should be is told by error(); after it,
// what is read has no meaning.
class Members {
 public:
  Members(const Json& json, std::string at, std::optional<std::string>& error)
      : json_(json), at_(std::move(at)), error_(error) {
    if (!json_.is_object()) refuse("", "is no object");
  }

  void refuse(std::string_view name, std::string_view what) {
    if (error_) return;
    std::string_view dot = at_.empty() || name.empty() ? "" : ".";
    error_ = fmt::format("\"{}{}{}\" {}", at_, dot, name, what);
  }
  const Json& at(const char* name) const {
    static const Json none;
    if (!json_.is_object()) return none;
    auto found = json_.find(name);
    return found == json_.end() ? none : *found;
  }
  std::string text(const char* name, size_t max_bytes = kMaxTextBytes) {
    const Json& value = at(name);
    if (!value.is_string() || value.get_ref<const std::string&>().size() > max_bytes) {
      refuse(name, fmt::format("is no text of at most {} bytes", max_bytes));
      return {};
    }
    return value.get<std::string>();
  }
  int64_t number(const char* name, int64_t min = 0) {
    const Json& value = at(name);
    bool fits = value.is_number_integer() &&
                (!value.is_number_unsigned() ||
                 value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
    int64_t number = fits ? value.get<int64_t>() : min - 1;
    if (number < min) refuse(name, fmt::format("is no number from {}", min));
    return number;
  }
  bool flag(const char* name) {
    if (!at(name).is_boolean()) refuse(name, "is neither true nor false");
    return at(name).is_boolean() && at(name).get<bool>();
  }
  int64_t time_ms(const char* name) {
    std::optional<int64_t> us = parse_time_us(text(name));
    if (!us) refuse(name, "is no time");
    return us.value_or(0) / kUsPerMs;
  }
  const Json& list(const char* name, size_t max) {
    static const Json none = Json::array();
    const Json& value = at(name);
    if (value.is_array() && value.size() <= max) return value;
    refuse(name, fmt::format("is no list of at most {}", max));
    return none;
  }
  std::string sum(const char* name) {
    std::string digits = text(name);
    if (!is_hex(digits, kSumDigits)) refuse(name, "is no SHA-256");
    return digits;
  }

 private:
  const Json& json_;
  std::string at_;
  std::optional<std::string>& error_;
};

std::string time_text(int64_t unix_ms) { return time_text_us(unix_ms * kUsPerMs); }

cluster::EngineKind read_engine(Members& members) {
  std::string name = members.text("engine");
  if (name == to_string(cluster::EngineKind::kValkey)) return cluster::EngineKind::kValkey;
  if (name != to_string(cluster::EngineKind::kRedis)) members.refuse("engine", "is no engine");
  return cluster::EngineKind::kRedis;
}

BackedUpShard read_shard(const Json& json, std::string at, std::optional<std::string>& error) {
  Members members(json, std::move(at), error);
  BackedUpShard shard;
  shard.name = members.text("name", kMaxNameBytes);
  shard.object = members.text("object");
  for (const std::string& name : {shard.name, shard.object}) {
    if (!is_object_name(name) || name.find('/') != std::string::npos)
      members.refuse(name == shard.name ? "name" : "object", "is no name");
  }
  std::optional<cluster::SlotRanges> slots = cluster::parse_slots(members.text("slots", kMaxRulesBytes));
  if (!slots) members.refuse("slots", "are no slots");
  shard.slots = slots.value_or(cluster::SlotRanges{});
  shard.sums = {members.number("raw_size_bytes"), members.number("stored_size_bytes"),
                members.sum("raw_sha256"), members.sum("stored_sha256")};
  shard.replication_id = members.text("replication_id");
  if (!shard.replication_id.empty() && !is_hex(shard.replication_id, kReplidBytes))
    members.refuse("replication_id", "is none");
  shard.offset = members.number("offset", -1);
  shard.keys = members.number("keys", -1);
  shard.engine = read_engine(members);
  shard.server_version = members.text("server_version", kMaxNameBytes);
  shard.node = members.text("node");
  shard.address = members.text("address");
  shard.from_replica = members.flag("from_replica");
  return shard;
}

cluster::UserSpec read_user(const Json& json, std::string at, std::optional<std::string>& error) {
  Members members(json, std::move(at), error);
  cluster::UserSpec user;
  user.name = members.text("name");
  user.rules = members.text("rules", kMaxRulesBytes);
  user.enabled = members.flag("enabled");
  return user;
}

// What is wrong with the whole; empty: nothing.
std::string contradiction(const Manifest& manifest) {
  if (manifest.shards.empty()) return "it has no shards";
  std::set<std::string> names;
  std::set<std::string> objects;
  cluster::SlotSet slots;
  size_t count = 0;
  for (const BackedUpShard& shard : manifest.shards) {
    if (!names.insert(shard.name).second) return fmt::format("it has shard {} twice", shard.name);
    if (!objects.insert(shard.object).second)
      return fmt::format("two shards have the object {}", shard.object);
    slots |= cluster::to_set(shard.slots);
    count += static_cast<size_t>(cluster::count(shard.slots));
  }
  if (manifest.mode == cluster::Mode::kReplicated) {
    return manifest.shards.size() == 1 ? "" : "a replicated cluster has one shard";
  }
  return slots.all() && count == cluster::kSlotCount ? "" : "its shards do not have each slot once";
}

tl::unexpected<Error> damaged(std::string_view source, std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("{} cannot be read: {}", source, what));
}

Result<Json> document(std::string_view text, std::string_view source) {
  if (text.size() > kMaxManifestBytes)
    return damaged(source, fmt::format("it is longer than {} bytes", kMaxManifestBytes));
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return damaged(source, "it is no JSON object, or is cut short");
  const auto format = json.find("format");
  if (format == json.end() || !format->is_number_integer()) return damaged(source, "it tells no format");
  if (*format == kManifestFormat) return json;
  return fail(ErrorCode::kUnsupported,
              fmt::format("{} was written by another version of Keyway (format {}); this one reads format {}",
                          source, format->dump(), kManifestFormat));
}

}  // namespace

std::string to_json(const Manifest& manifest) {
  JsonText json;
  json.open_object();
  json.number("format", kManifestFormat);
  json.text("cluster", manifest.cluster);
  json.text("id", manifest.id);
  json.text("mode", to_string(manifest.mode));
  json.text("begun", time_text(manifest.begun_ms));
  json.text("ended", time_text(manifest.ended_ms));
  json.text("tool_version", manifest.tool_version);
  json.text("compression", "zstd");
  json.boolean("encrypted", manifest.encrypted);
  json.open_array("shards");
  for (const BackedUpShard& shard : manifest.shards) {
    json.open_object();
    json.text("name", shard.name);
    json.text("object", shard.object);
    json.text("slots", cluster::to_string(shard.slots));
    json.number("raw_size_bytes", shard.sums.raw_bytes);
    json.number("stored_size_bytes", shard.sums.stored_bytes);
    json.text("raw_sha256", shard.sums.raw_sha256);
    json.text("stored_sha256", shard.sums.stored_sha256);
    json.text("replication_id", shard.replication_id);
    json.number("offset", shard.offset);
    json.number("keys", shard.keys);
    json.text("engine", to_string(shard.engine));
    json.text("server_version", shard.server_version);
    json.text("node", shard.node);
    json.text("address", shard.address);
    json.boolean("from_replica", shard.from_replica);
    json.close();
  }
  json.close();
  json.open_array("users");
  for (const cluster::UserSpec& user : manifest.users) {
    json.open_object();
    json.text("name", user.name);
    json.text("rules", user.rules);
    json.boolean("enabled", user.enabled);
    json.close();
  }
  json.close();
  json.text("spec", manifest.spec);
  json.close();
  return json.take();
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view source) {
  Result<Json> json = document(text, source);
  if (!json) return fail(json.error());
  std::optional<std::string> error;
  Members members(*json, "", error);
  Manifest manifest;
  manifest.cluster = members.text("cluster", kMaxNameBytes);
  manifest.id = members.text("id", kMaxNameBytes);
  if (!is_backup_id(manifest.id)) members.refuse("id", "is no id of a backup");
  if (cluster::label_problem(manifest.cluster)) members.refuse("cluster", "is no name of a cluster");
  std::string mode = members.text("mode");
  manifest.mode =
      mode == to_string(cluster::Mode::kReplicated) ? cluster::Mode::kReplicated : cluster::Mode::kSharded;
  if (mode != to_string(manifest.mode)) members.refuse("mode", "is no mode");
  manifest.begun_ms = members.time_ms("begun");
  manifest.ended_ms = members.time_ms("ended");
  manifest.tool_version = members.text("tool_version");
  if (members.text("compression") != "zstd") members.refuse("compression", "is not known here");
  manifest.encrypted = members.flag("encrypted");
  manifest.spec = members.text("spec", kMaxSpecBytes);
  size_t index = 0;
  for (const Json& shard : members.list("shards", kMaxShards))
    manifest.shards.push_back(read_shard(shard, fmt::format("shards[{}]", index++), error));
  index = 0;
  for (const Json& user : members.list("users", cluster::kMaxUsers + 2))
    manifest.users.push_back(read_user(user, fmt::format("users[{}]", index++), error));
  if (error) return damaged(source, *error);
  if (std::string wrong = contradiction(manifest); !wrong.empty()) return damaged(source, wrong);
  return manifest;
}

std::string to_json(const Verification& verification) {
  JsonText json;
  json.open_object();
  json.number("format", kManifestFormat);
  json.text("at", time_text(verification.at_ms));
  json.boolean("good", verification.good);
  json.text("text", verification.text);
  json.number("keys", verification.keys);
  json.text("tool_version", verification.tool_version);
  json.close();
  return json.take();
}

Result<Verification> parse_verification(std::string_view text, std::string_view source) {
  Result<Json> json = document(text, source);
  if (!json) return fail(json.error());
  std::optional<std::string> error;
  Members members(*json, "", error);
  Verification verification;
  verification.at_ms = members.time_ms("at");
  verification.good = members.flag("good");
  verification.text = members.text("text", kMaxRulesBytes);
  verification.keys = members.number("keys");
  verification.tool_version = members.text("tool_version");
  if (error) return damaged(source, *error);
  return verification;
}

std::string backup_id(int64_t unix_ms, int number) {
  std::string id;
  for (char c : platform::kubernetes::time_text_s(unix_ms / 1000)) {
    if (c != '-' && c != ':') id += c;
  }
  return number == 1 ? id : fmt::format("{}-{}", id, number);
}

std::optional<int64_t> time_of_id(std::string_view id) {
  if (id.size() < kTimeBytes) return std::nullopt;
  if (id.size() > kTimeBytes) {
    std::optional<uint64_t> number = parse_uint(id.substr(kTimeBytes + 1));
    bool one = id[kTimeBytes] == '-' && number && *number > 1 && *number <= kMaxIdNumber;
    if (!one || id.substr(kTimeBytes + 1) != std::to_string(*number)) return std::nullopt;
  }
  std::string text = fmt::format("{}-{}-{}T{}:{}:{}", id.substr(0, 4), id.substr(4, 2), id.substr(6, 2),
                                 id.substr(9, 2), id.substr(11, 2), id.substr(13, 3));
  std::optional<int64_t> us = parse_time_us(text);
  if (!us || id.substr(0, kTimeBytes) != backup_id(*us / kUsPerMs)) return std::nullopt;
  return *us / kUsPerMs;
}

bool is_backup_id(std::string_view text) { return time_of_id(text).has_value(); }

std::string object_of_shard(std::string_view shard, bool encrypted) {
  return fmt::format("{}.rdb.zst{}", shard, encrypted ? ".enc" : "");
}

}  // namespace keyway::backup
