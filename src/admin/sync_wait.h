// Waiting for replicas to have all data of their primaries. One thread.
#pragma once

#include <string>
#include <vector>

#include "admin/session.h"

namespace keyway::admin {

struct Follower {
  Address address;
  std::string primary_id;  // whom it was told to follow
};

// A copy takes as long as it takes; it is given up (kTimeout, naming those that are not in sync) when it has
// not begun, or has stopped, for `stall_timeout_ms`. Returns without an error also when the session was
// interrupted.
Status wait_in_sync(Session& session, const std::vector<Follower>& followers, int64_t stall_timeout_ms);

}  // namespace keyway::admin
