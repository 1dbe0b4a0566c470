// What has happened to a cluster, for people: the last events, bounded, numbered, and each also in the
// program's log. Owned by the supervisor; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/log.h"
#include "supervisor/control.h"

namespace keyway::supervisor {

inline constexpr size_t kMaxJournalEvents = 1000;
inline constexpr size_t kMaxEventTextBytes = 2000;

class Journal {
 public:
  // Texts longer than kMaxEventTextBytes are cut.
  void add(int64_t wall_ms, LogLevel level, std::string shard, std::string text);

  // Events with a sequence above `sequence`, oldest first; those that have fallen out of the journal are
  // missing.
  std::vector<Event> since(uint64_t sequence) const;

  uint64_t last_sequence() const { return last_sequence_; }

 private:
  std::deque<Event> events_;
  uint64_t last_sequence_ = 0;
};

}  // namespace keyway::supervisor
