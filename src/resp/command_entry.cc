// Source of the format: Redis, "COMMAND" and "Command key specifications". An entry is an array of name,
// arity, flags, first key, last key, step, ACL categories, tips, key specs, subcommands; the last four since
// Redis 7.0.
#include "resp/command_entry.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::resp {

namespace {

using namespace command_flag;

constexpr size_t kMandatoryFields = 6;
constexpr size_t kTips = 7;
constexpr size_t kKeySpecs = 8;
constexpr size_t kSubcommands = 9;

template <typename Value>
using Named = std::pair<std::string_view, Value>;

constexpr Named<uint32_t> kFlags[] = {{"write", kWrite},
                                      {"readonly", kReadOnly},
                                      {"blocking", kBlocking},
                                      {"pubsub", kPubSub},
                                      {"admin", kAdmin},
                                      {"noscript", kNoScript},
                                      {"denyoom", kDenyOom},
                                      {"fast", kFast},
                                      {"loading", kLoading},
                                      {"stale", kStale},
                                      {"no_multi", kNoMulti},
                                      {"no_auth", kNoAuth},
                                      {"allow_busy", kAllowBusy},
                                      {"skip_monitor", kSkipMonitor},
                                      {"asking", kAsking},
                                      {"module", kModule},
                                      {"no_mandatory_keys", kNoMandatoryKeys}};

constexpr Named<RequestPolicy> kRequestPolicies[] = {
    {"request_policy:all_nodes", RequestPolicy::kAllNodes},
    {"request_policy:all_shards", RequestPolicy::kAllShards},
    {"request_policy:multi_shard", RequestPolicy::kMultiShard},
    {"request_policy:special", RequestPolicy::kSpecial}};

constexpr Named<ResponsePolicy> kResponsePolicies[] = {
    {"response_policy:one_succeeded", ResponsePolicy::kOneSucceeded},
    {"response_policy:all_succeeded", ResponsePolicy::kAllSucceeded},
    {"response_policy:agg_logical_and", ResponsePolicy::kAggLogicalAnd},
    {"response_policy:agg_logical_or", ResponsePolicy::kAggLogicalOr},
    {"response_policy:agg_min", ResponsePolicy::kAggMin},
    {"response_policy:agg_max", ResponsePolicy::kAggMax},
    {"response_policy:agg_sum", ResponsePolicy::kAggSum},
    {"response_policy:special", ResponsePolicy::kSpecial}};

bool lists(const Reply& list, std::string_view text) {
  return std::any_of(list.elements.begin(), list.elements.end(),
                     [&](const Reply& element) { return element.text == text; });
}

// The value under `name` in a map, which RESP2 writes as an array; null if there is none.
const Reply* field(const Reply* map, std::string_view name) {
  if (map == nullptr) return nullptr;
  for (size_t i = 0; i + 1 < map->elements.size(); i += 2) {
    if (map->elements[i].text == name) return &map->elements[i + 1];
  }
  return nullptr;
}

// A number from `least` up that fits, else nothing.
std::optional<int16_t> small_number(const Reply* reply, int16_t least) {
  if (reply == nullptr || reply->type != ReplyType::kInteger) return std::nullopt;
  if (reply->integer < least || reply->integer > std::numeric_limits<int16_t>::max()) return std::nullopt;
  return static_cast<int16_t>(reply->integer);
}

constexpr int16_t kAny = std::numeric_limits<int16_t>::min();

bool read_begin(const Reply& key_spec, KeySpec& spec, std::string& keyword) {
  const Reply* begin = field(&key_spec, "begin_search");
  const Reply* type = field(begin, "type");
  const Reply* values = field(begin, "spec");
  if (type == nullptr) return false;
  bool by_keyword = type->text == "keyword";
  if (!by_keyword && type->text != "index") return false;
  std::optional<int16_t> start =
      by_keyword ? small_number(field(values, "startfrom"), kAny) : small_number(field(values, "index"), 1);
  if (!start) return false;
  spec.begin = *start;
  if (!by_keyword) return true;
  const Reply* word = field(values, "keyword");
  if (word == nullptr || word->text.empty()) return false;
  keyword = to_lower(word->text);
  spec.keyword = keyword;
  return true;
}

bool read_find(const Reply& key_spec, KeySpec& spec) {
  const Reply* find = field(&key_spec, "find_keys");
  const Reply* type = field(find, "type");
  const Reply* values = field(find, "spec");
  std::optional<int16_t> step = small_number(field(values, "keystep"), 1);
  if (type == nullptr || !step) return false;
  spec.step = *step;
  if (type->text == "range") {
    std::optional<int16_t> last = small_number(field(values, "lastkey"), kAny);
    std::optional<int16_t> limit = small_number(field(values, "limit"), 0);
    if (!last || !limit) return false;
    spec.last = *last;
    spec.limit = *limit;
    return true;
  }
  std::optional<int16_t> count = small_number(field(values, "keynumidx"), 0);
  std::optional<int16_t> first = small_number(field(values, "firstkey"), 0);
  if (type->text != "keynum" || !count || !first) return false;
  spec.find = KeySpec::Find::kKeyCount;
  spec.count = *count;
  spec.first = *first;
  return true;
}

bool is_marked(const Reply& key_spec, std::string_view mark) {
  const Reply* marks = field(&key_spec, "flags");
  return marks != nullptr && lists(*marks, mark);
}

// The key specs as they are; false if not all of them can be followed.
bool read_key_specs(const Reply& key_specs, CommandEntry& entry) {
  if (key_specs.elements.empty() || key_specs.elements.size() > entry.key_specs.size()) return false;
  for (size_t i = 0; i < key_specs.elements.size(); ++i) {
    const Reply& said = key_specs.elements[i];
    KeySpec& spec = entry.key_specs[i];
    bool followed = read_begin(said, spec, entry.keywords[i]) && read_find(said, spec);
    if (!followed || is_marked(said, "incomplete")) return false;
  }
  entry.spec.key_specs = std::span(entry.key_specs).first(key_specs.elements.size());
  return true;
}

// Whether positions that COMMAND gives outright make a range; "movablekeys" says that they are not all.
bool read_range(const Reply& command, CommandSpec& spec) {
  std::optional<int16_t> first = small_number(&command.elements[3], 1);
  std::optional<int16_t> last = small_number(&command.elements[4], kAny);
  std::optional<int16_t> step = small_number(&command.elements[5], 1);
  if (!first || !last || !step) return false;
  spec.first_key = *first;
  spec.last_key = *last;
  spec.key_step = *step;
  return true;
}

KeyRule read_keys(const Reply& command, CommandEntry& entry) {
  const Reply* key_specs = command.elements.size() > kKeySpecs ? &command.elements[kKeySpecs] : nullptr;
  if (lists(command.elements[2], "movablekeys")) {
    return key_specs != nullptr && read_key_specs(*key_specs, entry) ? KeyRule::kSpecs : KeyRule::kAskServer;
  }
  if (command.elements[3].integer == 0) return KeyRule::kNone;
  return read_range(command, entry.spec) ? KeyRule::kRange : KeyRule::kAskServer;
}

bool decides_slot_only(const Reply& command) {
  if (command.elements.size() <= kKeySpecs || command.elements[kKeySpecs].elements.empty()) return false;
  const std::vector<Reply>& specs = command.elements[kKeySpecs].elements;
  return std::all_of(specs.begin(), specs.end(),
                     [](const Reply& spec) { return is_marked(spec, "not_key"); });
}

void read_flags(const Reply& command, CommandSpec& spec) {
  for (const auto& [name, flag] : kFlags) {
    if (lists(command.elements[2], name)) spec.flags |= flag;
  }
  if (!subcommands_of(command).empty()) spec.flags |= kContainer;
  if (decides_slot_only(command)) spec.flags |= kSlotOnly;
}

void read_tips(const Reply& command, CommandSpec& spec) {
  if (command.elements.size() <= kTips) return;
  for (const auto& [name, policy] : kRequestPolicies) {
    if (lists(command.elements[kTips], name)) spec.request_policy = policy;
  }
  for (const auto& [name, policy] : kResponsePolicies) {
    if (lists(command.elements[kTips], name)) spec.response_policy = policy;
  }
}

}  // namespace

Result<std::unique_ptr<CommandEntry>> read_command_entry(const Reply& command) {
  const std::vector<Reply>& fields = command.elements;
  if (command.type != ReplyType::kArray || fields.size() < kMandatoryFields || fields[0].text.empty())
    return fail(ErrorCode::kCorrupt, "an entry of the server's reply to COMMAND is no command");
  std::optional<int16_t> arity = small_number(&fields[1], kAny);
  if (!arity) {
    return fail(ErrorCode::kCorrupt, fmt::format("the server's reply to COMMAND gives no arity of \"{}\"",
                                                 fields[0].text.substr(0, 64)));
  }
  auto entry = std::make_unique<CommandEntry>();
  entry->name = to_lower(fields[0].text);
  entry->spec.name = entry->name;
  entry->spec.arity = *arity;
  entry->spec.key_rule = read_keys(command, *entry);
  read_flags(command, entry->spec);
  read_tips(command, entry->spec);
  return entry;
}

std::span<const Reply> subcommands_of(const Reply& command) {
  if (command.elements.size() <= kSubcommands) return {};
  return command.elements[kSubcommands].elements;
}

}  // namespace keyway::resp
