// Goes through all keys of a keyspace that is in use: every key that is there from begin to end is found once
// at least. One thread; the keyspace outlives it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/key_queue.h"
#include "admin/keyspace.h"

namespace keyway::admin {

class KeyScan {
 public:
  explicit KeyScan(Keyspace& keys) : keys_(keys) {}

  // The next keys, as KeyQueue::take bounds them; none: all have been found. Waits for failovers as
  // Keyspace::ask does; a primary that took another's place is gone through from the beginning.
  Result<std::vector<FoundKey>> next(size_t max_keys, int64_t max_bytes);

 private:
  struct Cursor {
    Address primary;
    std::string at = "0";
    bool done = false;
  };

  void follow_primaries();
  bool finished() const;
  Result<bool> scan();
  Status take(Cursor& cursor, size_t source, engine::Response& response,
              std::vector<std::vector<std::string>>& found);
  void measure(std::vector<std::vector<std::string>>& found);
  void note_size(const resp::Reply& reply, FoundKey& key);

  Keyspace& keys_;
  KeyQueue queue_;
  std::vector<Cursor> cursors_;
  int generation_ = -1;
  int64_t usual_bytes_ = 1024;  // of the keys of late, for those whose size is not told
  std::optional<Error> trouble_;
};

}  // namespace keyway::admin
