#include "proxy/scan.h"

#include <algorithm>
#include <string>

#include "base/format.h"
#include "base/strings.h"
#include "proxy/client.h"
#include "proxy/refusals.h"
#include "proxy/router.h"
#include "proxy/services.h"

namespace keyway::proxy {

namespace {

constexpr int kServerBits = 48;
constexpr uint64_t kServerMask = (uint64_t{1} << kServerBits) - 1;

// Where the scan goes on after the shard that `slot` stands for.
uint64_t cursor_after(const std::vector<uint16_t>& shard_slots, uint16_t slot) {
  auto next = std::ranges::upper_bound(shard_slots, slot);
  return next == shard_slots.end() ? 0 : uint64_t{*next} << kServerBits;
}

}  // namespace

Verdict scan(Client& client, const CommandView& command) {
  Services& services = client.services();
  Routes& routes = services.router.routes();
  std::optional<uint64_t> cursor = parse_uint(command.arguments[1]);
  uint64_t slot = cursor.value_or(0) >> kServerBits;
  if (!cursor || slot >= cluster::kSlotCount) return refuse(client, "-ERR invalid cursor\r\n");
  Channel channel = Channel::kMain;
  if (client.mixes_ways(routes.version(), channel)) return Verdict::kHold;
  std::string server_cursor = std::to_string(*cursor & kServerMask);
  std::vector<std::string_view> question(command.arguments.begin(), command.arguments.end());
  question[1] = server_cursor;
  Request* request = client.add(command.spec, encode(question, services.loop.pool()));
  request->slot = static_cast<uint16_t>(slot);
  request->readonly = true;
  request->follow_up = FollowUp::kScan;
  services.router.send(request);
  return Verdict::kTaken;
}

void scan_answered(Client& client, Request& request) {
  if (request.has_error_reply()) return;
  Services& services = client.services();
  // "*2\r\n$1\r\n0\r\n*…": a short beginning, which always comes in one piece.
  std::string_view text = request.reply.text();
  size_t length_end = text.find("\r\n", text.find("\r\n") + 2);
  size_t cursor_end = length_end == std::string_view::npos ? length_end : text.find("\r\n", length_end + 2);
  if (cursor_end == std::string_view::npos) return;
  uint64_t cursor = parse_uint(text.substr(length_end + 2, cursor_end - length_end - 2)).value_or(0);
  if (cursor > kServerMask) {
    request.drop_reply();
    request.reply =
        copy_of("-ERR keyway: the server's cursor is too large to be passed on\r\n", services.loop.pool());
    return;
  }
  uint64_t whole = cursor == 0 ? cursor_after(services.router.routes().shard_slots(), request.slot)
                               : uint64_t{request.slot} << kServerBits | cursor;
  std::string shown = std::to_string(whole);
  Slice rest{request.reply.chunk, text.data() + cursor_end, text.size() - cursor_end};
  request.reply = copy_of(fmt::format("*2\r\n${}\r\n{}", shown.size(), shown), services.loop.pool());
  request.more_reply.insert(request.more_reply.begin(), std::move(rest));
}

}  // namespace keyway::proxy
