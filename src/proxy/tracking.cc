#include "proxy/tracking.h"

#include <memory>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "proxy/client.h"
#include "proxy/fan_out.h"
#include "proxy/gather.h"
#include "proxy/mailroom.h"
#include "proxy/refusals.h"
#include "proxy/router.h"
#include "proxy/services.h"
#include "resp/command_name.h"

namespace keyway::proxy {

namespace {

using resp::same_name;

constexpr std::string_view kPush = ">2\r\n$10\r\ninvalidate\r\n";
constexpr std::string_view kMessage = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n";
constexpr std::string_view kCachingYes = "*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$3\r\nYES\r\n";
constexpr std::string_view kCachingNo = "*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$2\r\nNO\r\n";
constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";

// Takes note of the options; whether they go together is for the servers to say. Gives the error to answer
// with, empty if there is none.
std::string read_options(std::span<const std::string_view> words, Tracking& tracking) {
  resp::Command command = {"CLIENT", "TRACKING", "ON"};
  bool redirected = false;
  for (size_t i = 3; i < words.size(); ++i) {
    bool has_value = i + 1 < words.size();
    if (same_name(words[i], "redirect") && has_value) {
      if (redirected) return "-ERR A client can only redirect to a single other client\r\n";
      std::optional<uint64_t> id = parse_uint(words[i + 1]);
      if (!id) return "-ERR value is not an integer or out of range\r\n";
      tracking.redirect = *id;
      redirected = *id != 0;
      ++i;
      continue;
    }
    command.emplace_back(words[i]);
    if (same_name(words[i], "prefix") && has_value) {
      command.emplace_back(words[i + 1]);
      tracking.prefixes.emplace_back(words[i + 1]);
      ++i;
      continue;
    }
    bool known = false;
    for (auto [name, flag] : {std::pair("bcast", &tracking.bcast), std::pair("optin", &tracking.optin),
                              std::pair("optout", &tracking.optout), std::pair("noloop", &tracking.noloop)}) {
      if (same_name(words[i], name)) *flag = known = true;
    }
    if (!known) return "-ERR syntax error\r\n";
  }
  if (!redirected) tracking.redirect = 0;
  tracking.redirect_broken = false;
  tracking.commands.push_back(std::move(command));
  return {};
}

Lane& lane_for(Client& client, const Tracking& tracking, const Account& account, bool resp3) {
  return client.services().router.enter_alone(
      account, resp3, {&client, tracking.commands, tracking.redirect != 0, tracking.bcast});
}

void stop_tracking(Client& client) {
  Session& session = client.session();
  session.tracking.reset();
  session.caching = {};
  if (session.lane->tracking() == nullptr) return;
  // There was one for the account when it logged in; if there are too many by now, it keeps its own.
  Lane* lane = client.services().router.enter(session.lane->account(), session.resp3);
  if (lane != nullptr) client.change_lane(*lane);
}

// Calls act(client) in the thread that the client with this number would have; null: there is no such client.
void with_client(Services& home, uint64_t id, const std::function<void(Client*)>& act) {
  size_t box = home.mailroom.box_of(id);
  auto find = [id, act](Services& there) {
    Client* found = nullptr;
    there.clients.for_each([&](Client& each) {
      if (each.id() == id) found = &each;
    });
    act(found);
  };
  if (box == home.box) return find(home);
  home.mailroom.leave(box, find);
}

// `keys`: an array of them, or null for all.
void tell_other(Client& other, std::string_view keys) {
  ChunkPool& pool = other.services().loop.pool();
  if (other.resp3()) return other.tell(copy_of(std::string(kPush) + std::string(keys), pool));
  if (!other.session().subscribed()) return;
  std::string_view shown = keys.starts_with('_') ? "*-1\r\n" : keys;
  other.tell(copy_of(std::string(kMessage) + std::string(shown), pool));
}

void redirect_is_broken(Client& client) {
  Session& session = client.session();
  if (session.tracking == nullptr || session.tracking->redirect_broken) return;
  session.tracking->redirect_broken = true;
  if (!session.resp3) return;
  client.tell(
      copy_of(fmt::format(">2\r\n$21\r\ntracking-redir-broken\r\n:{}\r\n", session.tracking->redirect),
              client.services().loop.pool()));
}

void tell_redirected(Client& listener, uint64_t to, const std::string& keys) {
  Services& home = listener.services();
  with_client(home, to, [keys, own_id = listener.id(), &mailroom = home.mailroom](Client* other) {
    if (other != nullptr) return tell_other(*other, keys);
    mailroom.leave(mailroom.box_of(own_id), [own_id](Services& back) {
      with_client(back, own_id, [](Client* self) {
        if (self != nullptr) redirect_is_broken(*self);
      });
    });
  });
}

// Whether the client that is to be told instead is there. The command is looked at again when that is known.
RedirectCheck check_redirect(Client& client, uint64_t id) {
  RedirectCheck& check = client.session().redirect_check;
  if (check == RedirectCheck::kThere || check == RedirectCheck::kMissing)
    return std::exchange(check, RedirectCheck::kNone);
  if (check == RedirectCheck::kAsked) return check;
  check = RedirectCheck::kAsked;
  Services& home = client.services();
  with_client(home, id, [own_id = client.id(), &mailroom = home.mailroom](Client* other) {
    RedirectCheck found = other != nullptr ? RedirectCheck::kThere : RedirectCheck::kMissing;
    mailroom.leave(mailroom.box_of(own_id), [own_id, found](Services& back) {
      with_client(back, own_id, [found](Client* self) {
        if (self == nullptr) return;
        self->session().redirect_check = found;
        self->services().loop.go_on_later(*self);
      });
    });
  });
  return check;
}

// Asks all servers by connections that track. The answer counts once they have agreed.
Verdict begin(Client& client, const CommandView& command) {
  Session& session = client.session();
  const Tracking& next = *session.next_tracking;
  Lane& lane = lane_for(client, next, session.lane->account(), session.resp3);
  Lane* old = session.lane;
  session.lane = &lane;
  CommandView ping = command;
  ping.bytes = copy_of(kPing, client.services().loop.pool());
  Verdict verdict = to_every_shard(client, ping, Merge::kFirst);
  session.lane = old;
  session.next_lane = &lane;
  if (client.nothing_in_flight()) {  // it was refused at once
    client.services().router.leave(*std::exchange(session.next_lane, nullptr), true);
    session.next_tracking.reset();
    return verdict;
  }
  client.follow_last(FollowUp::kTrack);
  return verdict;
}

}  // namespace

Verdict client_tracking(Client& client, const CommandView& command) {
  if (!client.nothing_in_flight()) return Verdict::kHold;
  Session& session = client.session();
  std::span<const std::string_view> words = command.arguments;
  bool on = same_name(words[2], "on");
  auto next = session.tracking != nullptr ? std::make_unique<Tracking>(*session.tracking)
                                          : std::make_unique<Tracking>();
  std::string problem = read_options(words, *next);
  if (problem.empty() && !on && !same_name(words[2], "off")) problem = "-ERR syntax error\r\n";
  if (!problem.empty()) return refuse(client, problem);
  if (!on) {
    stop_tracking(client);
    return answer(client, kOk);
  }
  if (next->redirect != 0) {
    RedirectCheck check = check_redirect(client, next->redirect);
    if (check == RedirectCheck::kAsked) return Verdict::kHold;
    if (check == RedirectCheck::kMissing)
      return refuse(client, "-ERR The client ID you want redirect to does not exist\r\n");
  }
  session.next_tracking = std::move(next);
  return begin(client, command);
}

void tracking_answered(Client& client, Request& request) {
  Session& session = client.session();
  Lane* lane = std::exchange(session.next_lane, nullptr);
  std::unique_ptr<Tracking> next = std::move(session.next_tracking);
  bool refused = request.gather != nullptr ? any_failed(*request.gather) : request.has_error_reply();
  if (refused) return client.services().router.leave(*lane, true);
  client.change_lane(*lane);
  session.tracking = std::move(next);
  if (request.gather != nullptr) {
    request.gather->instead = kOk;
    return;
  }
  request.replace_reply(kOk, client.services().loop.pool());
}

void go_on_tracking(Client& client) {
  Session& session = client.session();
  if (session.tracking == nullptr) return;
  forget_all(client);  // the connections that have read the keys go
  client.change_lane(lane_for(client, *session.tracking, session.lane->account(), session.lane->resp3()));
}

Verdict client_trackinginfo(Client& client, const CommandView&) {
  const Session& session = client.session();
  const Tracking* tracking = session.tracking.get();
  std::vector<std::string> flags;
  auto note = [&flags](bool set, const char* flag) {
    if (set) flags.emplace_back(flag);
  };
  note(tracking == nullptr, "off");
  note(tracking != nullptr, "on");
  if (tracking != nullptr) {
    note(tracking->bcast, "bcast");
    note(tracking->optin, "optin");
    note(session.caching == kCachingYes, "caching-yes");
    note(tracking->optout, "optout");
    note(session.caching == kCachingNo, "caching-no");
    note(tracking->noloop, "noloop");
    note(tracking->redirect_broken, "broken_redirect");
  }
  std::string text = session.resp3 ? "%3\r\n" : "*6\r\n";
  text += bulk("flags") + fmt::format("{}{}\r\n", session.resp3 ? '~' : '*', flags.size());
  for (const std::string& flag : flags) text += bulk(flag);
  text += bulk("redirect");
  text += tracking == nullptr ? ":-1\r\n" : fmt::format(":{}\r\n", tracking->redirect);
  text += bulk("prefixes");
  std::vector<std::string> prefixes = tracking == nullptr ? std::vector<std::string>() : tracking->prefixes;
  if (tracking != nullptr && tracking->bcast && prefixes.empty())
    prefixes.emplace_back();  // that of all keys
  text += fmt::format("*{}\r\n", prefixes.size());
  for (const std::string& prefix : prefixes) text += bulk(prefix);
  return answer(client, text);
}

Verdict client_getredir(Client& client, const CommandView&) {
  const Tracking* tracking = client.session().tracking.get();
  return answer(client, tracking == nullptr ? ":-1\r\n" : fmt::format(":{}\r\n", tracking->redirect));
}

Verdict client_caching(Client& client, const CommandView& command) {
  Session& session = client.session();
  const Tracking* tracking = session.tracking.get();
  if (tracking == nullptr) {
    return refuse(client,
                  "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
                  "OPTOUT mode enabled\r\n");
  }
  bool yes = same_name(command.arguments[2], "yes");
  if (!yes && !same_name(command.arguments[2], "no")) return refuse(client, "-ERR syntax error\r\n");
  if (yes ? !tracking->optin : !tracking->optout) {
    return refuse(client,
                  yes ? "-ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.\r\n"
                      : "-ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.\r\n");
  }
  session.caching = yes ? kCachingYes : kCachingNo;
  return answer(client, kOk);
}

void invalidated(Client& listener, Request& frame) {
  const Tracking* tracking = listener.session().tracking.get();
  if (tracking == nullptr) return;
  std::string text = frame.reply_text();
  if (tracking->redirect == 0) return listener.tell(copy_of(text, listener.services().loop.pool()));
  if (text.starts_with(kPush)) tell_redirected(listener, tracking->redirect, text.substr(kPush.size()));
}

void forget_all(Client& listener) {
  const Session& session = listener.session();
  if (session.tracking == nullptr) return;
  if (session.tracking->redirect != 0) return tell_redirected(listener, session.tracking->redirect, "_\r\n");
  if (session.resp3) listener.tell(copy_of(std::string(kPush) + "_\r\n", listener.services().loop.pool()));
}

}  // namespace keyway::proxy
