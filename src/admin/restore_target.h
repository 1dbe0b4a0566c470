// The target of a restore as a whole: how many keys it holds, the mark of a restore that is under way, its
// functions. One thread.
#pragma once

#include <optional>
#include <string>

#include "admin/keyspace.h"

namespace keyway::admin {

// Set in the target before the first key is written and removed after the last, so that the same restore may
// go on where another found the target holding keys.
inline constexpr const char* kRestoreMark = "keyway:restore-under-way";

struct KeyCount {
  int64_t keys = 0;
  // No slot changed its owner meanwhile. Else keys may have been counted twice or not at all.
  bool exact = true;
};

class RestoreTarget {
 public:
  explicit RestoreTarget(Keyspace keys) : keys_(std::move(keys)) {}

  bool is_cluster() const { return keys_.is_cluster(); }

  // In all databases of all primaries, without the mark.
  Result<KeyCount> count_keys();
  // What was set as the mark; nothing if there is none.
  Result<std::optional<std::string>> mark();
  Status set_mark(const std::string& source);
  Status remove_mark();

  // A library of functions, on every primary. False: there is one of that name, and it was not to be
  // replaced.
  Result<bool> load_functions(const std::string& code, bool replace);

 private:
  Result<resp::Reply> ask(resp::Command command);

  Keyspace keys_;
};

}  // namespace keyway::admin
