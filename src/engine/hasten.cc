#include "engine/hasten.h"

#include <array>

namespace keyway::engine {

namespace {

// REPLCONF GETACK has no reply: waiting for one in vain is the pause between two of them. Growing, since a
// connection may have to be made first.
constexpr std::array<int64_t, 3> kPausesMs = {25, 50, 100};

bool is_primary(const Response& response) {
  if (response.replies.empty()) return false;
  const resp::Reply& role = response.replies.front();
  return !role.elements.empty() && role.elements.front().text == "master";
}

}  // namespace

// Servers of all versions heed it from whomever it comes (replconfCommand in their replication.c), though it
// is meant for the stream, where a primary does not put it while a FAILOVER holds writes up.
void hasten_failover(Servers& servers, const Address& replica) {
  for (int64_t pause_ms : kPausesMs) {
    const Request ask = {replica, {{"ROLE"}, {"REPLCONF", "GETACK", "*"}}};
    Response response = std::move(servers.exchange({ask}, pause_ms).front());
    bool asked = response.error && response.error->code == ErrorCode::kTimeout;
    if (!asked || is_primary(response)) return;
  }
}

}  // namespace keyway::engine
