#include "proxy/subscriptions.h"

#include "base/format.h"
#include "base/strings.h"
#include "proxy/client.h"
#include "proxy/monitor.h"
#include "proxy/refusals.h"
#include "proxy/router.h"
#include "proxy/services.h"
#include "resp/slot.h"

namespace keyway::proxy {

namespace {

// How many answers a command has depends on the subscriptions there are. A PING behind it, whose answer the
// client does not see, tells where they end.
constexpr std::string_view kMarker = "*2\r\n$4\r\nPING\r\n$20\r\nkeyway-end-of-answer\r\n";
constexpr std::string_view kMarkerReply = "$20\r\nkeyway-end-of-answer\r\n";
constexpr std::string_view kMarkerPong = "*2\r\n$4\r\npong\r\n$20\r\nkeyway-end-of-answer\r\n";

bool by_shard(std::string_view name) { return name == "ssubscribe" || name == "sunsubscribe"; }

// Whose server carries the subscriptions: so that what is published to its first channel through the proxy
// reaches it by the shortest way.
uint16_t node_for(const CommandView& command, Routes& routes) {
  bool names_channel = command.arguments.size() > 1 && command.spec->name != "psubscribe";
  uint16_t slot = names_channel ? resp::key_slot(command.arguments[1]) : 0;
  uint16_t node = routes.owner(slot);
  if (node == Routes::kNobody && !by_shard(command.spec->name) && !routes.shard_slots().empty())
    return routes.owner(routes.shard_slots().front());
  return node;
}

Verdict cannot(Client& client, std::string_view why) {
  return answer(client, fmt::format("-ERR keyway: {}\r\n", why));
}

// The last line of a frame that is no text: ":3".
uint32_t last_integer(std::string_view frame) {
  size_t at = frame.rfind(':');
  if (at == std::string_view::npos || frame.size() < at + 3) return 0;
  return static_cast<uint32_t>(parse_uint(frame.substr(at + 1, frame.size() - at - 3)).value_or(0));
}

// The first element of an array or push: "message", "subscribe".
std::string_view kind_of(std::string_view frame) {
  if (!frame.starts_with('*') && !frame.starts_with('>')) return {};
  size_t length = frame.find("\r\n");
  size_t text = length == std::string_view::npos ? length : frame.find("\r\n", length + 2);
  if (text == std::string_view::npos) return {};
  return frame.substr(text + 2, frame.find('\r', text + 2) - text - 2);
}

// The frame with another number at its end.
void put_last_integer(Request& frame, std::string_view text, uint32_t number, ChunkPool& pool) {
  std::string changed(text.substr(0, text.rfind(':') + 1));
  frame.replace_reply(changed + std::to_string(number) + "\r\n", pool);
}

void ask(Client& client, Upstream& upstream, const CommandView& command) {
  upstream.say(command.bytes);
  upstream.say(copy_of(kMarker, client.services().loop.pool()));
  ++client.session().awaited;
}

}  // namespace

Verdict subscribe(Client& client, const CommandView& command) {
  Session& session = client.session();
  // Answers may come from other connections: one command at a time.
  if (!client.nothing_in_flight() || session.awaited > 0) return Verdict::kHold;
  std::string_view name = command.spec->name;
  uint16_t node = node_for(command, client.services().router.routes());
  if (by_shard(name) &&
      client.services().dispatcher.slot_of(*command.spec, command.arguments).kind == KeySlot::Kind::kSeveral)
    return refuse(client, std::string(kCrossSlot));
  if (name == "sunsubscribe" && command.arguments.size() == 1 && session.shard_channels > 0) {
    client.for_each_owned(Purpose::kSubscriptions, [&](Upstream& upstream) {
      if (upstream.shard_channels > 0) ask(client, upstream, command);
    });
    return Verdict::kTaken;
  }
  // Channels of a shard can be had from that shard only; for the others any server will do.
  Upstream* upstream = client.owned(Purpose::kSubscriptions, by_shard(name) ? node : Request::kNone);
  if (upstream == nullptr) {
    upstream = node == Routes::kNobody ? nullptr : session.lane->lease(node);
    if (upstream == nullptr)
      return cannot(client, "no server can be reached for subscriptions now; try again");
    upstream->listen_only();
    client.own(*upstream, Purpose::kSubscriptions);
  }
  ask(client, *upstream, command);
  return Verdict::kTaken;
}

Verdict while_subscribed(Client& client, const CommandView& command) {
  Session& session = client.session();
  std::string_view name = command.spec->name;
  if (session.awaited > 0) return Verdict::kHold;
  if (name == "ping") {
    ask(client, *client.owned(Purpose::kSubscriptions), command);
    return Verdict::kTaken;
  }
  if (name == "quit" || name == "reset") return find_own_command(name)(client, command);
  return answer(
      client,
      fmt::format(
          "-ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed "
          "in this context\r\n",
          name));
}

Heard hear(Client& client, Upstream& upstream, Request& frame) {
  if (client.owned(Purpose::kMonitor, upstream.target().node) == &upstream)
    return hear_monitor(client, frame) ? Heard::kMessage : Heard::kNothing;
  Session& session = client.session();
  constexpr size_t kMaxAnswerBytes = size_t{64} << 10;  // no answer that matters here is longer
  if (frame.reply_bytes() > kMaxAnswerBytes) return Heard::kMessage;
  std::string joined;
  std::string_view text = frame.reply.text();
  if (!frame.more_reply.empty()) {
    joined = frame.reply_text();
    text = joined;
  }
  if (session.awaited > 0 && (text == kMarkerReply || text == kMarkerPong)) {
    --session.awaited;
    return Heard::kNothing;
  }
  std::string_view kind = kind_of(text);
  if (kind == "ssubscribe" || kind == "sunsubscribe") {
    uint32_t channels = last_integer(text);
    session.shard_channels += channels - upstream.shard_channels;
    upstream.shard_channels = channels;
    if (session.shard_channels != channels)
      put_last_integer(frame, text, session.shard_channels, client.services().loop.pool());
  } else if (kind == "subscribe" || kind == "unsubscribe" || kind == "psubscribe" || kind == "punsubscribe") {
    uint32_t channels = last_integer(text);
    if (kind == "psubscribe" || kind == "punsubscribe") session.patterns += channels - session.channels;
    session.channels = channels;
  }
  return Heard::kMessage;
}

}  // namespace keyway::proxy
