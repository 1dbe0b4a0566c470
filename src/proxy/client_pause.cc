// CLIENT PAUSE, UNPAUSE and UNBLOCK.
#include <optional>

#include "base/format.h"
#include "base/strings.h"
#include "proxy/all_workers.h"
#include "proxy/client.h"
#include "proxy/client_commands.h"
#include "proxy/refusals.h"
#include "proxy/router.h"
#include "proxy/services.h"
#include "resp/command.h"
#include "resp/command_name.h"

namespace keyway::proxy {

namespace {

using resp::same_name;

Verdict tell_all(Client& client, const CommandView& command, const Question& question) {
  return ask_all_workers(client, command, question, [](const auto&) { return "+OK\r\n"; });
}

constexpr int64_t kMaxPauseMs = int64_t{1} << 53;  // the clock is added to it

// The server that the client waits for is to end its command. False: it does not wait.
bool unblock(Client& blocked, const Account& account, bool by_error, Services& there) {
  const Upstream* upstream = blocked.blocking_server();
  if (upstream == nullptr || upstream->server_id() == 0) return false;
  Lane* lane = there.router.enter(account, false);
  if (lane == nullptr) return false;
  std::string text;
  resp::append(text,
               {"CLIENT", "UNBLOCK", std::to_string(upstream->server_id()), by_error ? "ERROR" : "TIMEOUT"});
  Request* order = there.loop.requests().take();
  order->lane = lane;
  order->node = upstream->target().node;
  order->bytes = copy_of(text, there.loop.pool());
  there.router.send(order);
  there.router.leave(*lane);
  return true;
}

}  // namespace

Verdict client_pause(Client& client, const CommandView& command) {
  std::span<const std::string_view> arguments = command.arguments;
  std::optional<int64_t> time_ms = parse_int(arguments[2]);
  if (!time_ms) return refuse(client, "-ERR timeout is not an integer or out of range\r\n");
  if (*time_ms < 0) return refuse(client, "-ERR timeout is negative\r\n");
  if (*time_ms > kMaxPauseMs) return refuse(client, "-ERR timeout is out of range\r\n");
  bool all = arguments.size() == 3 || same_name(arguments[3], "all");
  if (arguments.size() > 4 || (!all && !same_name(arguments[3], "write")))
    return refuse(client, "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n");
  return tell_all(client, command, [time_ms = *time_ms, all](Services& there) {
    there.pause.prolong(there.loop.now_ms() + time_ms, all);
    return std::string();
  });
}

Verdict client_unpause(Client& client, const CommandView& command) {
  return tell_all(client, command, [](Services& there) {
    there.end_pause();
    return std::string();
  });
}

Verdict client_unblock(Client& client, const CommandView& command) {
  std::span<const std::string_view> arguments = command.arguments;
  std::optional<uint64_t> id = parse_uint(arguments[2]);
  if (!id) return refuse(client, "-ERR value is not an integer or out of range\r\n");
  bool by_error = arguments.size() == 4 && same_name(arguments[3], "error");
  if (arguments.size() > 4 || (arguments.size() == 4 && !by_error && !same_name(arguments[3], "timeout")))
    return refuse(client, "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n");
  return ask_all_workers(
      client, command,
      [id = *id, by_error, account = client.session().lane->account()](Services& there) {
        bool unblocked = false;
        there.clients.for_each([&](Client& each) {
          if (each.id() == id) unblocked = unblock(each, account, by_error, there);
        });
        return std::string(unblocked ? "1" : "0");
      },
      [](const std::vector<std::string>& answers) {
        bool unblocked = std::ranges::find(answers, "1") != answers.end();
        return std::string(unblocked ? ":1\r\n" : ":0\r\n");
      });
}

}  // namespace keyway::proxy
