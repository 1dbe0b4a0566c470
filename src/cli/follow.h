// Waits, by the supervisor's word, until what was ordered has been done, and shows the way there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/output.h"
#include "supervisor/control.h"

namespace keyway::cli {

// What a user waits for, and for how long.
struct FollowOrder {
  std::string cluster;
  uint64_t generation = 0;            // of the order; 0: any
  uint64_t events_since = 0;          // sequence of the last event before the order
  std::optional<int64_t> timeout_ms;  // in all
  int64_t patience_ms = 60'000;       // without a timeout: how long nothing at all may happen
};

struct Followed {
  std::vector<supervisor::Event> events;  // of the order; the first ones if there are very many
  bool interrupted = false;               // Ctrl-C: the supervisor goes on
};

// Errors: kTimeout (the supervisor goes on); kConflict: it stands still before a problem that only a person
// can solve; kUnavailable: the supervisor has ended.
Result<Followed> follow(supervisor::Client& client, const FollowOrder& order, const Output& output);

// How long nothing may happen in a cluster of so many nodes before it counts as stuck.
int64_t patience_ms(size_t node_count);

}  // namespace keyway::cli
