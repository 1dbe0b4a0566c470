#include "proxy/client_commands.h"

#include <algorithm>

#include "base/format.h"
#include "proxy/client.h"
#include "proxy/refusals.h"
#include "proxy/services.h"
#include "resp/command_name.h"

namespace keyway::proxy {

namespace {

using resp::same_name;

// No blanks, no line ends, nothing that cannot be seen.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '!' && c <= '~'; });
}

Verdict set_switch(Client& client, std::string_view value, bool& target) {
  if (!same_name(value, "on") && !same_name(value, "off")) return answer(client, "-ERR syntax error\r\n");
  target = same_name(value, "on");
  return answer(client, kOk);
}

}  // namespace

Verdict client_id(Client& client, const CommandView&) {
  return answer(client, fmt::format(":{}\r\n", client.id()));
}

Verdict client_getname(Client& client, const CommandView&) {
  const std::string& name = client.session().name;
  if (name.empty()) return answer(client, client.resp3() ? "_\r\n" : "$-1\r\n");
  return answer(client, bulk(name));
}

Verdict client_setname(Client& client, const CommandView& command) {
  if (!is_plain(command.arguments[2]))
    return answer(client, "-ERR Client names cannot contain spaces, newlines or special characters.\r\n");
  client.session().name = command.arguments[2];
  return answer(client, kOk);
}

Verdict client_setinfo(Client& client, const CommandView& command) {
  std::string_view option = command.arguments[2];
  bool library = same_name(option, "lib-name");
  if (!library && !same_name(option, "lib-ver"))
    return answer(client, fmt::format("-ERR Unrecognized option '{}'\r\n", option.substr(0, 64)));
  if (!is_plain(command.arguments[3])) {
    return answer(client, fmt::format("-ERR {} cannot contain spaces, newlines or special characters.\r\n",
                                      library ? "lib-name" : "lib-ver"));
  }
  (library ? client.session().library : client.session().library_version) = command.arguments[3];
  return answer(client, kOk);
}

Verdict client_reply(Client& client, const CommandView& command) {
  Session& session = client.session();
  std::string_view mode = command.arguments[2];
  if (same_name(mode, "on")) {
    session.replies = Replies::kOn;
    return answer(client, kOk);
  }
  if (same_name(mode, "off")) {
    session.replies = Replies::kOff;
  } else if (same_name(mode, "skip")) {
    if (session.replies != Replies::kOff) session.replies = Replies::kSkipNext;
  } else {
    return answer(client, "-ERR syntax error\r\n");
  }
  return Verdict::kTaken;
}

Verdict client_no_evict(Client& client, const CommandView& command) {
  return set_switch(client, command.arguments[2], client.session().no_evict);
}

Verdict client_no_touch(Client& client, const CommandView& command) {
  return set_switch(client, command.arguments[2], client.session().no_touch);
}

}  // namespace keyway::proxy
