#include "resp/command_keys.h"

#include <optional>

#include "base/strings.h"
#include "resp/command_name.h"

namespace keyway::resp {

namespace {

using Arguments = std::span<const std::string_view>;

// As servers read numbers: no sign, no leading zero.
std::optional<uint64_t> parse_key_count(std::string_view text) {
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return parse_uint(text);
}

bool is_between(int64_t value, int64_t low, size_t end) {
  return value >= low && value < static_cast<int64_t>(end);
}

// Where the group of keys begins; nothing if its keyword does not occur.
std::optional<size_t> group_begin(const KeySpec& spec, Arguments arguments) {
  if (spec.keyword.empty()) return static_cast<size_t>(spec.begin);
  bool backwards = spec.begin < 0;
  auto end = static_cast<int64_t>(arguments.size());
  // A keyword that is the last argument has no keys behind it.
  int64_t stop = backwards ? 0 : end - 1;
  for (int64_t at = backwards ? end + spec.begin : spec.begin; backwards ? at > stop : at < stop;
       at += backwards ? -1 : 1) {
    if (is_between(at, 1, arguments.size()) && same_name(arguments[static_cast<size_t>(at)], spec.keyword))
      return static_cast<size_t>(at) + 1;
  }
  return std::nullopt;
}

// The last key's place, which may lie beyond the arguments or before the first's.
int64_t range_last(const KeySpec& spec, size_t first, size_t argument_count) {
  auto begin = static_cast<int64_t>(first);
  auto end = static_cast<int64_t>(argument_count);
  if (spec.last >= 0) return begin + spec.last;
  if (spec.limit <= 1) return end + spec.last;
  return begin + (end - begin) / spec.limit + spec.last;
}

bool add_range(const KeySpec& spec, size_t first, size_t argument_count, KeyPositions& out) {
  if (first >= argument_count) return true;  // keys that may be left out: PFMERGE's sources
  int64_t last = range_last(spec, first, argument_count);
  if (!is_between(last, static_cast<int64_t>(first), argument_count)) return false;
  auto step = static_cast<size_t>(spec.step);
  out.add({first, (static_cast<size_t>(last) - first) / step + 1, step});
  return true;
}

bool add_counted(const KeySpec& spec, size_t begin, Arguments arguments, bool may_be_none,
                 KeyPositions& out) {
  size_t count_at = begin + static_cast<size_t>(spec.count);
  if (count_at >= arguments.size()) return false;
  std::optional<uint64_t> count = parse_key_count(arguments[count_at]);
  if (!count) return false;
  if (*count == 0) return may_be_none;
  size_t first = begin + static_cast<size_t>(spec.first);
  auto step = static_cast<size_t>(spec.step);
  if (first >= arguments.size() || *count - 1 > (arguments.size() - 1 - first) / step) return false;
  out.add({first, *count, step});
  return true;
}

bool add_specs(const CommandSpec& command, Arguments arguments, KeyPositions& out) {
  bool may_be_none = command.has(command_flag::kNoMandatoryKeys);
  for (const KeySpec& spec : command.key_specs) {
    std::optional<size_t> begin = group_begin(spec, arguments);
    if (!begin) continue;
    bool sense = spec.find == KeySpec::Find::kRange ? add_range(spec, *begin, arguments.size(), out)
                                                    : add_counted(spec, *begin, arguments, may_be_none, out);
    if (!sense) return false;
  }
  return may_be_none || !out.empty();
}

// An option and how many arguments of its own it has.
struct Option {
  std::string_view name;
  size_t arguments;
};

size_t arguments_of(std::string_view name, std::span<const Option> options) {
  for (const Option& option : options) {
    if (same_name(name, option.name)) return option.arguments;
  }
  return 0;
}

// sortGetKeys of the servers' db.c: the last STORE counts; one whose key is missing is none.
// SORT_RO knows no STORE, and is to be told so by its server.
bool add_sort(const CommandSpec& spec, Arguments arguments, KeyPositions& out) {
  static constexpr Option kOptions[] = {{"limit", 2}, {"get", 1}, {"by", 1}};
  size_t store = 0;
  for (size_t i = 2; i < arguments.size(); ++i) {
    if (same_name(arguments[i], "store") && i + 1 < arguments.size()) store = i + 1;
    i += arguments_of(arguments[i], kOptions);
  }
  if (spec.has(command_flag::kReadOnly)) store = 0;
  out.add({1, 1, 1});
  if (store != 0) out.add({store, 1, 1});
  return true;
}

// migrateGetKeys of the servers' db.c.
bool add_migrate(Arguments arguments, KeyPositions& out) {
  static constexpr Option kOptions[] = {{"auth", 1}, {"auth2", 2}};
  for (size_t i = 6; i < arguments.size(); ++i) {
    if (same_name(arguments[i], "keys")) {
      if (!arguments[3].empty()) return false;
      if (i + 1 < arguments.size()) out.add({i + 1, arguments.size() - i - 1, 1});
      return i + 1 < arguments.size();
    }
    i += arguments_of(arguments[i], kOptions);
  }
  out.add({3, 1, 1});
  return true;
}

// georadiusGetKeys of the servers' db.c: of several keys to store to the last one counts.
bool add_geo_radius(Arguments arguments, KeyPositions& out) {
  size_t store = 0;
  for (size_t i = 5; i + 1 < arguments.size(); ++i) {
    if (same_name(arguments[i], "store") || same_name(arguments[i], "storedist")) store = ++i;
  }
  out.add({1, 1, 1});
  if (store != 0) out.add({store, 1, 1});
  return true;
}

// xreadGetKeys of the servers' db.c: options up to STREAMS, then as many keys as ids.
bool add_streams(Arguments arguments, KeyPositions& out) {
  static constexpr Option kOptions[] = {{"block", 1}, {"count", 1}, {"claim", 1}, {"group", 2}, {"noack", 0}};
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (same_name(arguments[i], "streams")) {
      size_t rest = arguments.size() - i - 1;
      if (rest != 0 && rest % 2 == 0) out.add({i + 1, rest / 2, 1});
      return !out.empty();
    }
    i += arguments_of(arguments[i], kOptions);
  }
  return false;
}

bool add_keys(const CommandSpec& spec, Arguments arguments, KeyPositions& out) {
  switch (spec.key_rule) {
    case KeyRule::kNone:
      return true;
    case KeyRule::kRange:
      if (KeyRange range = key_range(spec, arguments.size()); range.count != 0) out.add(range);
      return true;
    case KeyRule::kSpecs:
      return add_specs(spec, arguments, out);
    case KeyRule::kSort:
      return add_sort(spec, arguments, out);
    case KeyRule::kMigrate:
      return add_migrate(arguments, out);
    case KeyRule::kGeoRadius:
      return add_geo_radius(arguments, out);
    case KeyRule::kStreams:
      return add_streams(arguments, out);
    case KeyRule::kAskServer:
      break;
  }
  return false;
}

}  // namespace

size_t KeyPositions::count() const {
  size_t count = 0;
  for (const KeyRange& range : ranges()) count += range.count;
  return count;
}

bool key_positions(const CommandSpec& spec, Arguments arguments, KeyPositions& out) {
  out.clear();
  bool sense = spec.takes(arguments.size()) && add_keys(spec, arguments, out);
  if (!sense) out.clear();
  return sense;
}

}  // namespace keyway::resp
