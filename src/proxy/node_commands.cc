#include "proxy/node_commands.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "base/format.h"
#include "proxy/client.h"
#include "proxy/refusals.h"
#include "proxy/router.h"
#include "proxy/services.h"
#include "proxy/topology.h"
#include "resp/command_name.h"

namespace keyway::proxy {

namespace {

using resp::CommandSpec;
using resp::same_name;
using Words = std::span<const std::string_view>;

constexpr auto kHelp = std::to_array<std::string_view>({
    "KEYWAY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "NODES",
    "    Each node of the cluster: address, role, state, number of slots, id.",
    "NODE <address:port|id> <command> [<arg> ...]",
    "    What that node answers to a command without keys, such as INFO, CONFIG GET, SLOWLOG GET.",
    "HELP",
    "    Print this help.",
});

Verdict help(Client& client) {
  std::string text = fmt::format("*{}\r\n", kHelp.size());
  for (std::string_view line : kHelp) text += fmt::format("+{}\r\n", line);
  return answer(client, text);
}

Verdict nodes(Client& client) {
  const Topology* topology = client.services().topology.get();
  if (topology == nullptr) return answer(client, "*0\r\n");
  std::string text = fmt::format("*{}\r\n", topology->nodes.size());
  for (size_t place = 0; place < topology->nodes.size(); ++place) {
    const TopologyNode& node = topology->nodes[place];
    auto slots = std::ranges::count(topology->owners, static_cast<uint16_t>(place));
    text += "*5\r\n" + bulk(to_string(node.address)) + bulk(node.primary ? "primary" : "replica") +
            bulk(node.failed ? "failed" : "ok") + fmt::format(":{}\r\n", slots) + bulk(node.id);
  }
  return answer(client, text);
}

const TopologyNode* find_node(const Topology* topology, std::string_view name) {
  if (topology == nullptr) return nullptr;
  auto found = std::ranges::find_if(topology->nodes, [&](const TopologyNode& node) {
    return to_string(node.address) == name || (!node.id.empty() && node.id == name);
  });
  return found == topology->nodes.end() ? nullptr : &*found;
}

// Empty: it can be sent to one node by a connection that others share.
std::string problem_with(const Dispatcher& dispatcher, const CommandSpec* spec, Words words) {
  if (spec == nullptr) {
    const CommandSpec* container = dispatcher.table().find(words[0]);
    return container == nullptr ? unknown_command(words) : unknown_subcommand(*container, words[1]);
  }
  if (!spec->takes(words.size())) return wrong_arity(*spec);
  if (!dispatcher.concerns_server(*spec)) {
    return fmt::format("-ERR keyway: '{}' cannot be sent to one node through the proxy\r\n", spec->name);
  }
  return {};
}

Verdict to_node(Client& client, Words arguments) {
  Services& services = client.services();
  const TopologyNode* node = find_node(services.topology.get(), arguments[2]);
  if (node == nullptr)
    return refuse(client, "-ERR keyway: the cluster has no such node; see KEYWAY NODES\r\n");
  Words words = arguments.subspan(3);
  const CommandSpec* spec = services.dispatcher.table().resolve(words);
  if (std::string problem = problem_with(services.dispatcher, spec, words); !problem.empty())
    return refuse(client, problem);
  Channel channel = Channel::kMain;
  Routes& routes = services.router.routes();
  if (client.mixes_ways(routes.version(), channel)) return Verdict::kHold;
  Request* request = client.add(spec, encode(words, services.loop.pool()));
  request->node = routes.place_of(node->address);
  request->channel = channel;
  request->readonly = spec->has(resp::command_flag::kReadOnly);
  services.router.send(request);
  return Verdict::kTaken;
}

}  // namespace

Verdict keyway_command(Client& client, const CommandView& command) {
  Words words = command.arguments;
  const Session& session = client.session();
  if (session.must_log_in) return refuse(client, "-NOAUTH Authentication required.\r\n");
  if (!session.plain()) {
    return refuse(client,
                  "-ERR keyway: KEYWAY is not possible in a transaction, while subscribed or with replies "
                  "turned off\r\n");
  }
  if (words.size() == 2 && same_name(words[1], "help")) return help(client);
  if (words.size() == 2 && same_name(words[1], "nodes")) return nodes(client);
  if (words.size() >= 4 && same_name(words[1], "node")) return to_node(client, words);
  return refuse(client, "-ERR keyway: unknown subcommand or wrong number of arguments. Try KEYWAY HELP.\r\n");
}

}  // namespace keyway::proxy
