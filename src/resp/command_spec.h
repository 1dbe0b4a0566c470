// What somebody in the middle must know of a command: arity, flags, where its keys stand, how a whole cluster
// is asked it. Values that point into the CommandTable they come from; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace keyway::resp {

// Bits of CommandSpec::flags. Where nothing else is said they are the servers' own, of the same name.
namespace command_flag {
inline constexpr uint32_t kWrite = 1U << 0;
inline constexpr uint32_t kReadOnly = 1U << 1;
inline constexpr uint32_t kBlocking = 1U << 2;  // may wait; XREAD and XREADGROUP only if they say BLOCK
inline constexpr uint32_t kPubSub = 1U << 3;
inline constexpr uint32_t kAdmin = 1U << 4;
inline constexpr uint32_t kNoScript = 1U << 5;
inline constexpr uint32_t kDenyOom = 1U << 6;
inline constexpr uint32_t kFast = 1U << 7;
inline constexpr uint32_t kLoading = 1U << 8;  // answered while a server loads
inline constexpr uint32_t kStale = 1U << 9;    // answered by a replica that has lost its primary
inline constexpr uint32_t kNoMulti = 1U << 10;
inline constexpr uint32_t kNoAuth = 1U << 11;  // answered before AUTH
inline constexpr uint32_t kAllowBusy = 1U << 12;
inline constexpr uint32_t kSkipMonitor = 1U << 13;
inline constexpr uint32_t kAsking = 1U << 14;
inline constexpr uint32_t kModule = 1U << 15;
inline constexpr uint32_t kNoMandatoryKeys = 1U << 16;
// Of our own:
inline constexpr uint32_t kContainer = 1U << 17;   // has subcommands
inline constexpr uint32_t kSubcommand = 1U << 18;  // is one: "config|get"
// What stands at the key positions decides the slot, but is no key: a shard channel, CLUSTERSCAN's cursor.
inline constexpr uint32_t kSlotOnly = 1U << 19;
}  // namespace command_flag

// How the keys of a command are found. The four named after commands are for those whose options have to be
// read in order.
enum class KeyRule : uint8_t {
  kNone,       // there are none
  kRange,      // first_key to last_key
  kSpecs,      // key_specs
  kSort,       // SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC|DESC] [ALPHA] [STORE key]
  kMigrate,    // MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH …|AUTH2 … …] [KEYS key …]
  kGeoRadius,  // GEORADIUS key … [STORE key] [STOREDIST key]
  kStreams,    // XREAD … STREAMS key … id …
  kAskServer,  // only a server can tell, by COMMAND GETKEYS
};

// One group of keys of a command, as the servers' own "key specs" say it (Redis: COMMAND, "Command key
// specifications").
struct KeySpec {
  enum class Find : uint8_t {
    kRange,     // `last` says where the keys end
    kKeyCount,  // an argument says how many there are
  };

  std::string_view keyword = {};  // the keys begin behind it; empty: they begin at `begin`
  int16_t begin = 0;  // position; with a keyword: where its search starts, negative: from the end back
  Find find = Find::kRange;
  int16_t last = 0;   // kRange: from the first key on; negative: from the end of the command
  int16_t limit = 0;  // kRange with last -1: only the first of so many equal parts; 0 and 1: all
  int16_t count = 0;  // kKeyCount: where the number of keys stands, from where the group begins
  int16_t first = 0;  // kKeyCount: where the first key stands, from where the group begins
  int16_t step = 1;   // from one key to the next
};

// The servers' sections of commands.
enum class CommandGroup : uint8_t {
  kBitmap,
  kCluster,
  kConnection,
  kGeneric,
  kGeo,
  kHash,
  kHyperLogLog,
  kList,
  kModule,
  kPubSub,
  kScripting,
  kServer,
  kSet,
  kSortedSet,
  kStream,
  kString,
  kTransactions,
  kLearnt,  // not built in
};

// "sorted-set", as in COMMAND DOCS.
std::string_view to_string(CommandGroup group);

// Whom a whole cluster's answer takes, and how answers become one: the servers' command tips of these names.
enum class RequestPolicy : uint8_t { kByKeys, kAllNodes, kAllShards, kMultiShard, kSpecial };
enum class ResponsePolicy : uint8_t {
  kNone,
  kOneSucceeded,
  kAllSucceeded,
  kAggLogicalAnd,
  kAggLogicalOr,
  kAggMin,
  kAggMax,
  kAggSum,
  kSpecial
};

struct CommandSpec {
  static constexpr size_t kMaxKeySpecs = 4;

  std::string_view name;  // lower case; of a subcommand "xgroup|create"
  // Counts the table's commands, subcommands too; a built-in one has the same in every table.
  uint16_t id = 0;
  int16_t arity = 0;  // arguments, the names included; negative: at least so many
  uint32_t flags = 0;
  CommandGroup group = CommandGroup::kLearnt;
  RequestPolicy request_policy = RequestPolicy::kByKeys;
  ResponsePolicy response_policy = ResponsePolicy::kNone;
  KeyRule key_rule = KeyRule::kNone;
  int16_t first_key = 0;  // kRange
  int16_t last_key = 0;   // kRange: position; negative: from the end, -1 is the last argument
  int16_t key_step = 0;   // kRange
  std::span<const KeySpec> key_specs;

  bool has(uint32_t flag) const { return (flags & flag) != 0; }
  // Whether a command of so many arguments, its names included, is not too short or too long.
  bool takes(size_t argument_count) const {
    int64_t count = static_cast<int64_t>(argument_count);
    return arity >= 0 ? count == arity : count >= -int64_t{arity};
  }
};

}  // namespace keyway::resp
