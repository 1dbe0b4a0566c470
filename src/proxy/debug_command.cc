#include "proxy/debug_command.h"

#include <algorithm>
#include <array>

#include "proxy/client.h"
#include "proxy/fan_out.h"
#include "proxy/router.h"
#include "proxy/services.h"
#include "resp/command_name.h"
#include "resp/slot.h"

namespace keyway::proxy {

namespace {

// Those whose next argument is a key.
constexpr auto kOfKeys = std::to_array<std::string_view>(
    {"object", "listpack", "ziplist", "quicklist", "sdslen", "htstats-key", "digest-value"});

bool is_of_key(const CommandView& command) {
  return command.arguments.size() > 2 && std::ranges::any_of(kOfKeys, [&](std::string_view name) {
           return resp::same_name(command.arguments[1], name);
         });
}

}  // namespace

Verdict debug_command(Client& client, const CommandView& command) {
  if (!is_of_key(command)) return to_every_shard(client, command, Merge::kFirst);
  Services& services = client.services();
  Channel channel = Channel::kMain;
  if (client.mixes_ways(services.router.routes().version(), channel)) return Verdict::kHold;
  Request* request = client.add(command.spec, command.bytes);
  request->slot = resp::key_slot(command.arguments[2]);
  request->readonly = true;
  services.router.send(request);
  return Verdict::kTaken;
}

}  // namespace keyway::proxy
