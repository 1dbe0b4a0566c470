#include "proxy/login.h"

#include <utility>

#include "base/format.h"
#include "proxy/client.h"
#include "proxy/events.h"
#include "proxy/refusals.h"
#include "proxy/router.h"
#include "proxy/services.h"
#include "proxy/tracking.h"
#include "proxy/users.h"
#include "resp/command_name.h"

namespace keyway::proxy {

namespace {

constexpr std::string_view kDefaultUser = "default";
constexpr std::string_view kTooManyAccounts =
    "-ERR keyway: too many accounts are in use; try again later\r\n";
constexpr std::string_view kHelloBeforeLogin =
    "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH "
    "<user> <pass> option can be used to authenticate the client and select the RESP protocol version at the "
    "same time\r\n";
constexpr size_t kMaxShownUserBytes = 64;

void tell_denied(const Client& client, std::string_view user) {
  tell(LogLevel::kWarning, Event::kDeniedLogin, "a client's login was denied",
       {{"client", to_string(client.address())}, {"user", std::string(user.substr(0, kMaxShownUserBytes))}});
}

Account account_of(std::string_view user, std::string_view password) {
  return {std::string(user == kDefaultUser ? "" : user), std::string(password)};
}

Verdict deny(Client& client, std::string_view user) {
  tell_denied(client, user);
  return refuse(client, "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
}

Verdict log_in(Client& client, const Users& users, std::string_view name, std::string_view password) {
  const ProxyUser* user = users.check(name, password);
  if (user == nullptr) return deny(client, name);
  Session& session = client.session();
  Lane* lane = client.services().router.enter(user->upstream, session.resp3);
  if (lane == nullptr) return refuse(client, std::string(kTooManyAccounts));
  client.change_lane(*lane);
  go_on_tracking(client);
  session.identity = {Identity::Source::kProxy, std::string(name)};
  session.must_log_in = false;
  return answer(client, kOk);
}

// Lets a server decide, by a connection of the account that is claimed.
Verdict ask_server(Client& client, const CommandView& command, const Account& account, bool resp3,
                   std::span<const std::string_view> question, FollowUp follow_up) {
  Services& services = client.services();
  Lane* lane = services.router.enter(account, resp3);
  if (lane == nullptr) {
    return answer(client, kTooManyAccounts);
  }
  client.session().next_lane = lane;
  Request* request = client.add(command.spec, encode(question, services.loop.pool()));
  request->lane = lane;
  request->readonly = true;
  request->follow_up = follow_up;
  client.wait_for_last();
  services.router.send(request);
  return Verdict::kTaken;
}

// Clients know themselves by the number that the proxy gave them.
void put_own_id(Client& client, Request& request) {
  std::string text = request.reply_text();
  constexpr std::string_view kBefore = "$2\r\nid\r\n:";
  size_t at = text.find(kBefore);
  if (at == std::string::npos) return;
  at += kBefore.size();
  text.replace(at, text.find('\r', at) - at, std::to_string(client.id()));
  request.replace_reply(text, client.services().loop.pool());
}

struct Hello {
  bool resp3 = false;
  bool logs_in = false;
  Account account;
  std::string name;
  std::string problem;
};

void read_options(std::span<const std::string_view> arguments, Hello& read) {
  for (size_t i = 2; i < arguments.size(); ++i) {
    size_t left = arguments.size() - i - 1;
    if (resp::same_name(arguments[i], "auth") && left >= 2) {
      read.account = account_of(arguments[i + 1], arguments[i + 2]);
      read.logs_in = true;
      i += 2;
    } else if (resp::same_name(arguments[i], "setname") && left >= 1) {
      read.name = arguments[i + 1];
      ++i;
    } else {
      read.problem = fmt::format("-ERR Syntax error in HELLO option '{}'\r\n", arguments[i].substr(0, 64));
      return;
    }
  }
}

Hello read_hello(std::span<const std::string_view> arguments, const Session& session) {
  Hello read;
  read.resp3 = session.resp3;
  read.account = session.lane->account();
  if (arguments.size() > 1) {
    read.resp3 = arguments[1] == "3";
    if (arguments[1] != "2" && arguments[1] != "3") {
      bool number = arguments[1].find_first_not_of("0123456789-") == std::string_view::npos;
      read.problem = number ? "-NOPROTO unsupported protocol version\r\n"
                            : "-ERR Protocol version is not an integer or out of range\r\n";
      return read;
    }
  }
  read_options(arguments, read);
  return read;
}

}  // namespace

Verdict auth(Client& client, const CommandView& command) {
  if (!client.nothing_in_flight()) return Verdict::kHold;
  std::span<const std::string_view> arguments = command.arguments;
  if (arguments.size() > 3) return refuse(client, "-ERR syntax error\r\n");
  std::string_view user = arguments.size() == 3 ? arguments[1] : kDefaultUser;
  if (const Users* users = client.services().users.get(); users != nullptr)
    return log_in(client, *users, user, arguments.back());
  client.session().next_identity = {Identity::Source::kCluster};
  return ask_server(client, command, account_of(user, arguments.back()), client.session().resp3, arguments,
                    FollowUp::kLogin);
}

Verdict hello(Client& client, const CommandView& command) {
  if (!client.nothing_in_flight()) return Verdict::kHold;
  Session& session = client.session();
  Hello read = read_hello(command.arguments, session);
  if (!read.problem.empty()) return refuse(client, read.problem);
  if (session.must_log_in && !read.logs_in) return refuse(client, std::string(kHelloBeforeLogin));
  session.next_identity = session.identity;
  std::string user = read.account.shown_user();
  std::vector<std::string_view> question = {"HELLO", read.resp3 ? "3" : "2"};
  if (const Users* users = client.services().users.get(); read.logs_in && users != nullptr) {
    const ProxyUser* known = users->check(user, read.account.password);
    if (known == nullptr) return deny(client, user);
    session.next_identity = {Identity::Source::kProxy, user};
    read.account = known->upstream;
  } else if (read.logs_in) {
    session.next_identity = {Identity::Source::kCluster};
    question.insert(question.end(), {"AUTH", user, read.account.password});
  }
  session.next_name = read.name;
  return ask_server(client, command, read.account, read.resp3, question, FollowUp::kHello);
}

void login_answered(Client& client, Request& request) {
  Session& session = client.session();
  Lane* lane = std::exchange(session.next_lane, nullptr);
  std::string name = std::exchange(session.next_name, {});
  Identity identity = std::exchange(session.next_identity, {});
  if (request.has_error_reply()) {
    if (request.reply.text().starts_with("-WRONGPASS")) tell_denied(client, lane->account().shown_user());
    return client.services().router.leave(*lane, true);
  }
  // What servers track for it they know by its connections, which another protocol need not end.
  if (session.lane->tracking() != nullptr && session.lane->account() == lane->account()) {
    session.lane->speak(lane->resp3());
    session.resp3 = lane->resp3();
    client.services().router.leave(*lane);
  } else {
    client.change_lane(*lane);
    go_on_tracking(client);
  }
  session.must_log_in = session.must_log_in && identity.source == Identity::Source::kNobody;
  session.identity = std::move(identity);
  if (request.follow_up != FollowUp::kHello) return;
  if (!name.empty()) session.name = name;
  put_own_id(client, request);
}

bool keeps_rights(const Client& client, const ProxyOptions& before, const ProxyOptions& now) {
  if (before.users == nullptr && now.users == nullptr) return true;
  auto same = [](const Account& a, const Account& b) { return a.user == b.user && a.empty() == b.empty(); };
  const Session& session = client.session();
  bool logs_in = session.next_lane != nullptr;
  const Identity& identity = logs_in ? session.next_identity : session.identity;
  switch (identity.source) {
    case Identity::Source::kNobody:
      return before.login_required == now.login_required && same(before.anonymous, now.anonymous);
    case Identity::Source::kCluster:
      return now.users == nullptr;
    case Identity::Source::kProxy:
      break;
  }
  const ProxyUser* user = now.users == nullptr ? nullptr : now.users->find(identity.user);
  return user != nullptr && same(user->upstream, (logs_in ? session.next_lane : session.lane)->account());
}

Verdict reset(Client& client, const CommandView&) {
  if (!client.nothing_in_flight()) return Verdict::kHold;
  Lane* lane = client.services().router.enter(client.services().anonymous, false);
  if (lane == nullptr) return refuse(client, std::string(kTooManyAccounts));
  Session& session = client.session();
  client.give_up_all();
  client.change_lane(*lane);
  session.channels = session.patterns = session.shard_channels = session.awaited = 0;
  session.tracking.reset();
  session.caching = {};
  session.transaction.reset();
  session.replies = Replies::kOn;
  session.name.clear();
  session.identity = {};
  session.must_log_in = client.services().login_required;
  session.monitors = session.watch_lost = session.no_evict = session.no_touch = false;
  return answer(client, "+RESET\r\n");
}

}  // namespace keyway::proxy
