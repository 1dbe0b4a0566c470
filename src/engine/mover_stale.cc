#include "engine/mover_stale.h"

#include <string_view>

#include "base/strings.h"
#include "engine/cut.h"
#include "engine/mover_view.h"

namespace keyway::engine {

namespace {

constexpr int kMaxLooks = 5;

struct Client {
  std::string_view id;
  std::string_view host;
  std::string_view last_command;
};

// A line of CLIENT LIST: "id=7 addr=10.0.0.1:4711 … cmd=restore-asking …".
Client read_client(std::string_view line) {
  Client client;
  while (!line.empty()) {
    std::string_view field = cut(line, ' ');
    std::string_view name = cut(field, '=');
    if (name == "id") client.id = field;
    if (name == "addr") client.host = field.substr(0, field.rfind(':'));
    if (name == "cmd") client.last_command = field;
  }
  return client;
}

// Whether MIGRATE made it. One that has yet to say anything else than who it is shows only where it is from.
bool is_of_migrate(const Client& client, const MoveTask& task) {
  if (client.last_command == "restore-asking" || client.last_command == "restore") return true;
  bool only_greeted =
      client.last_command == "NULL" || client.last_command == "auth" || client.last_command == "select";
  return only_greeted && client.host == task.from.host;
}

}  // namespace

Status drop_stale_copies(Servers& servers, const MoveTask& task) {
  // A connection that waits to be accepted is seen by the second look at the latest.
  for (int look = 0, clean = 0; look < kMaxLooks && clean < 2; ++look) {
    Result<resp::Reply> list = servers.call(task.to, {"CLIENT", "LIST"}, kMoverCallTimeoutMs);
    if (!list) return fail(list.error());
    if (list->is_error()) return {};
    std::vector<resp::Command> commands;
    std::string_view rest = list->text;
    while (!rest.empty()) {
      Client client = read_client(cut_line(rest));
      if (is_of_migrate(client, task)) commands.push_back({"CLIENT", "KILL", "ID", std::string(client.id)});
    }
    clean = commands.empty() ? clean + 1 : 0;
    if (commands.empty()) continue;
    Response killed = std::move(servers.exchange({{task.to, commands}}, kMoverCallTimeoutMs).front());
    if (killed.error) return fail(*killed.error);
  }
  return {};
}

}  // namespace keyway::engine
