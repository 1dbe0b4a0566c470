#include "proxy/own_commands.h"

#include <algorithm>
#include <array>

#include "proxy/client.h"
#include "proxy/client_commands.h"
#include "proxy/cluster_view.h"
#include "proxy/debug_command.h"
#include "proxy/dispatcher.h"
#include "proxy/login.h"
#include "proxy/monitor.h"
#include "proxy/refusals.h"
#include "proxy/scan.h"
#include "proxy/tracking.h"

namespace keyway::proxy {

namespace {

Verdict answer_ok(Client& client, const CommandView&) { return answer(client, kOk); }

Verdict quit(Client& client, const CommandView&) {
  client.reply(kOk);
  client.close_when_answered();
  return Verdict::kTaken;
}

Verdict select(Client& client, const CommandView& command) {
  if (command.arguments[1] != "0") return refuse(client, "-ERR SELECT is not allowed in cluster mode\r\n");
  return answer_ok(client, command);
}

Verdict role(Client& client, const CommandView&) {
  return answer(client, "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
}

struct Named {
  std::string_view name;
  OwnCommand command;
};

constexpr std::array kCommands = std::to_array<Named>({
    {"auth", auth},
    {"client|caching", client_caching},
    {"client|getname", client_getname},
    {"client|getredir", client_getredir},
    {"client|id", client_id},
    {"client|info", client_info},
    {"client|kill", client_kill},
    {"client|list", client_list},
    {"client|no-evict", client_no_evict},
    {"client|no-touch", client_no_touch},
    {"client|pause", client_pause},
    {"client|reply", client_reply},
    {"client|setinfo", client_setinfo},
    {"client|setname", client_setname},
    {"client|tracking", client_tracking},
    {"client|trackinginfo", client_trackinginfo},
    {"client|unblock", client_unblock},
    {"client|unpause", client_unpause},
    {"cluster|countkeysinslot", cluster_of_slot},
    {"cluster|getkeysinslot", cluster_of_slot},
    {"cluster|info", cluster_info},
    {"cluster|keyslot", cluster_keyslot},
    {"cluster|myid", cluster_myid},
    {"cluster|myshardid", cluster_myid},
    {"cluster|nodes", cluster_nodes},
    {"cluster|shards", cluster_shards},
    {"cluster|slots", cluster_slots},
    {"debug", debug_command},
    {"hello", hello},
    {"monitor", monitor},
    {"quit", quit},
    {"readonly", answer_ok},
    {"readwrite", answer_ok},
    {"reset", reset},
    {"role", role},
    {"scan", scan},
    {"select", select},
});
static_assert(std::ranges::is_sorted(kCommands, {}, &Named::name));

}  // namespace

OwnCommand find_own_command(std::string_view name) {
  auto found = std::ranges::lower_bound(kCommands, name, {}, &Named::name);
  return found != kCommands.end() && found->name == name ? found->command : nullptr;
}

}  // namespace keyway::proxy
