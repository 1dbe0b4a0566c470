// Where the keys of a command stand. Follows what a cluster server itself goes by when it chooses between
// serving a command and redirecting it; where that and COMMAND GETKEYS differ (GEORADIUS with both STORE and
// STOREDIST, a consumer named STREAMS), this one counts. Pure, without allocation; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "resp/command_spec.h"

namespace keyway::resp {

// Positions first, first + step, …; `count` of them.
struct KeyRange {
  size_t first = 0;
  size_t count = 0;
  size_t step = 1;

  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// The positions of a command's keys in its arguments, where the command's name is 0. However many keys there
// are, it has a fixed size.
class KeyPositions {
 public:
  void clear() { size_ = 0; }
  void add(const KeyRange& range) { ranges_[size_++] = range; }

  std::span<const KeyRange> ranges() const { return {ranges_.data(), size_}; }
  bool empty() const { return size_ == 0; }
  // Of the keys.
  size_t count() const;
  // Calls `visit(position)` for each key in turn.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const KeyRange& range : ranges()) {
      for (size_t i = 0; i < range.count; ++i) visit(range.first + i * range.step);
    }
  }

 private:
  std::array<KeyRange, CommandSpec::kMaxKeySpecs> ranges_;
  size_t size_ = 0;
};

// The positions of the keys of a whole command, of which `spec` is what CommandTable::resolve says; none for
// a command without keys. False if the arguments make no sense (too few of them, a number of keys that is
// none or goes past the end), so that there is only a server's error to come, whichever is asked; or if the
// rule is kAskServer; `out` is empty then. Of commands whose rule is kRange only the number of arguments is
// looked at.
bool key_positions(const CommandSpec& spec, std::span<const std::string_view> arguments, KeyPositions& out);

// The same for the rule kRange alone, by the number of arguments. A count of 0: there are none.
inline KeyRange key_range(const CommandSpec& spec, size_t argument_count) {
  auto end = static_cast<int64_t>(argument_count);
  int64_t last = spec.last_key >= 0 ? spec.last_key : end + spec.last_key;
  if (last < spec.first_key || last >= end) return {};
  auto first = static_cast<size_t>(spec.first_key);
  auto distance = static_cast<size_t>(last) - first;
  if (spec.key_step == 1) return {first, distance + 1, 1};
  auto step = static_cast<size_t>(spec.key_step);
  return {first, distance / step + 1, step};
}

}  // namespace keyway::resp
