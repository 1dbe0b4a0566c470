#include "proxy/monitor.h"

#include <vector>

#include "proxy/client.h"
#include "proxy/refusals.h"
#include "proxy/router.h"
#include "proxy/services.h"

namespace keyway::proxy {

Verdict monitor(Client& client, const CommandView& command) {
  if (!client.nothing_in_flight()) return Verdict::kHold;
  Session& session = client.session();
  if (session.monitors) return answer(client, kOk);
  Routes& routes = client.services().router.routes();
  std::vector<Upstream*> leased;
  for (uint16_t slot : routes.shard_slots()) {
    Upstream* upstream = session.lane->lease(routes.owner(slot));
    if (upstream != nullptr) leased.push_back(upstream);
  }
  if (leased.empty() || leased.size() < routes.shard_slots().size()) {
    for (Upstream* upstream : leased) upstream->close_unneeded("its client needs it no more");
    return refuse(client, "-ERR keyway: not all shards can be reached now; try again\r\n");
  }
  session.monitors = true;
  for (Upstream* upstream : leased) {
    upstream->listen_only();
    client.own(*upstream, Purpose::kMonitor);
    upstream->say(command.bytes);
    ++session.monitors_awaited;
  }
  return Verdict::kTaken;
}

// The client gets one answer for all: the first refusal, else the last consent.
bool hear_monitor(Client& client, Request& frame) {
  Session& session = client.session();
  if (session.monitors_awaited == 0) return true;
  if (frame.has_error_reply()) {
    session.monitors = false;
    session.monitors_awaited = 0;
    return true;
  }
  if (frame.reply.text() != kOk) return true;
  --session.monitors_awaited;
  return session.monitors_awaited == 0;
}

}  // namespace keyway::proxy
