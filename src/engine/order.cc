#include "engine/order.h"

#include "engine/refusal.h"

namespace keyway::engine {

Status order(Servers& servers, const Address& address, const resp::Command& command, int64_t timeout_ms) {
  Result<resp::Reply> reply = servers.call(address, command, timeout_ms);
  if (!reply) return fail(reply.error());
  return reply->ok() ? Status{} : fail(refusal(address, command, *reply));
}

}  // namespace keyway::engine
