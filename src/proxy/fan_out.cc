#include "proxy/fan_out.h"

#include <algorithm>
#include <memory>

#include "base/format.h"
#include "proxy/client.h"
#include "proxy/mailroom.h"
#include "proxy/refusals.h"
#include "proxy/router.h"
#include "proxy/services.h"
#include "resp/command_keys.h"
#include "resp/slot.h"

namespace keyway::proxy {

namespace {

struct KeyPlace {
  uint16_t slot;
  size_t position;  // of the key among the arguments
};

void append_bulk(std::string& out, std::string_view argument) {
  out += fmt::format("${}\r\n", argument.size());
  out += argument;
  out += "\r\n";
}

void attach_gather(Request& whole, Merge merge) {
  whole.gather = std::make_unique<Gather>().release();  // drop_parts takes it over again
  whole.gather->merge = merge;
  whole.gather->whole = &whole;
}

// The whole request at the end of the client's line, still without parts.
Request* begin(Client& client, const CommandView& command, Merge merge) {
  Request* whole = client.add_whole(command.spec, command.bytes.size_bytes);
  attach_gather(*whole, merge);
  return whole;
}

Request* add_part(Request& whole, Slice bytes, uint16_t slot, RequestPool& requests) {
  Request* part = requests.take();
  part->gather = whole.gather;
  part->lane = whole.lane;
  part->command = whole.command;
  part->bytes = std::move(bytes);
  part->begun_us = whole.begun_us;
  part->slot = slot;
  part->readonly = whole.command->has(resp::command_flag::kReadOnly);
  whole.gather->parts.push_back(part);
  std::string_view caching = whole.client->session().caching;
  if (!caching.empty()) whole.client->put_before(caching, *part);
  return part;
}

void send_parts(Request& whole, Router& router) {
  // The last of them may end the gather, if all fail at once.
  std::vector<Request*> parts = whole.gather->parts;
  whole.gather->missing = parts.size();
  for (Request* part : parts) router.send(part);
}

std::vector<KeyPlace> keys_by_slot(const CommandView& command, const resp::KeyRange& range) {
  std::vector<KeyPlace> keys;
  keys.reserve(range.count);
  for (size_t i = 0; i < range.count; ++i) {
    size_t position = range.first + i * range.step;
    keys.push_back({resp::key_slot(command.arguments[position]), position});
  }
  std::ranges::stable_sort(keys, {}, &KeyPlace::slot);
  return keys;
}

// How a command goes to all primaries.
struct ToAll {
  Merge merge = Merge::kFirst;
  Slice bytes;
  uint32_t skip = 0;  // replies before the one that counts
  bool leased = false;
  Channel channel = Channel::kMain;
};

void mark(Request& request, const ToAll& how) {
  request.skip += how.skip;
  request.leased = how.leased;
  request.channel = how.channel;
}

Verdict send_to_all(Client& client, const CommandView& command, ToAll how) {
  Services& services = client.services();
  Routes& routes = services.router.routes();
  if (client.mixes_ways(routes.version(), how.channel)) return Verdict::kHold;
  // One of them must not be taken for all.
  if (routes.shard_slots().empty())
    return refuse(client, "-CLUSTERDOWN keyway: no node of the cluster has answered\r\n");
  bool adds_own = how.merge == Merge::kInfo && services.pause.until_ms != 0;
  if (routes.shard_slots().size() == 1 && !adds_own) {
    Request* request = client.add(command.spec, how.bytes);
    mark(*request, how);
    request->slot = routes.shard_slots().front();
    request->readonly = command.spec->has(resp::command_flag::kReadOnly);
    services.router.send(request);
    return Verdict::kTaken;
  }
  Request* whole = begin(client, command, how.merge);
  whole->gather->held_clients = services.mailroom.held_clients();
  const std::vector<uint16_t>& slots = routes.shard_slots();
  // Of answers that are as good as each other, it shall not always be the first one's.
  size_t first = how.merge == Merge::kAnyOne ? static_cast<size_t>(services.loop.now_us()) % slots.size() : 0;
  for (size_t i = 0; i < slots.size(); ++i) {
    uint16_t slot = slots[(first + i) % slots.size()];
    mark(*add_part(*whole, how.bytes, slot, services.loop.requests()), how);
  }
  send_parts(*whole, services.router);
  return Verdict::kTaken;
}

}  // namespace

Verdict split_by_shard(Client& client, const CommandView& command, Merge merge) {
  Services& services = client.services();
  Channel channel = Channel::kMain;
  if (client.mixes_ways(services.router.routes().version(), channel)) return Verdict::kHold;
  resp::KeyRange range = resp::key_range(*command.spec, command.arguments.size());
  // MSET with a key that has no value: any server says what is wrong with it.
  if ((command.arguments.size() - range.first) % range.step != 0)
    return answer(client, wrong_arity(*command.spec));
  std::vector<KeyPlace> keys = keys_by_slot(command, range);
  Request* whole = begin(client, command, merge);
  Gather& gather = *whole->gather;
  gather.part_of_key.resize(range.count);
  std::string text;
  std::vector<size_t> ends;
  std::vector<uint16_t> slots;
  for (size_t i = 0; i < keys.size();) {
    size_t end = i;
    while (end < keys.size() && keys[end].slot == keys[i].slot) ++end;
    text += fmt::format("*{}\r\n", 1 + (end - i) * range.step);
    append_bulk(text, command.arguments[0]);
    for (size_t key = i; key < end; ++key) {
      size_t position = keys[key].position;
      gather.part_of_key[(position - range.first) / range.step] = static_cast<uint16_t>(slots.size());
      for (size_t j = 0; j < range.step; ++j) append_bulk(text, command.arguments[position + j]);
    }
    slots.push_back(keys[i].slot);
    ends.push_back(text.size());
    i = end;
  }
  Slice all = copy_of(text, services.loop.pool());
  bool spreads = services.router.spreads_reads() && may_lag(*command.spec) && client.reads_may_lag();
  size_t at = 0;
  for (size_t i = 0; i < slots.size(); ++i) {
    Slice bytes{all.chunk, all.data + at, ends[i] - at};
    Request* part = add_part(*whole, std::move(bytes), slots[i], services.loop.requests());
    part->may_lag = spreads;
    at = ends[i];
  }
  send_parts(*whole, services.router);
  return Verdict::kTaken;
}

Verdict to_every_shard(Client& client, const CommandView& command, Merge merge, Channel channel) {
  return send_to_all(client, command, {merge, command.bytes, 0, false, channel});
}

void ask_every_shard(Client& client, Request& whole, const Slice& bytes) {
  Services& services = client.services();
  attach_gather(whole, Merge::kOneWorked);
  for (uint16_t slot : services.router.routes().shard_slots())
    add_part(whole, bytes, slot, services.loop.requests())->readonly = true;
  send_parts(whole, services.router);
}

Verdict kill_script(Client& client, const CommandView& command, Merge merge) {
  return send_to_all(client, command, {merge, command.bytes, 0, true});
}

// A server counts the copies of all that it had written when the connection's last command was carried out.
// So a PING before it makes it count what this client has written by other connections, too.
Verdict wait_for_copies(Client& client, const CommandView& command) {
  if (!client.nothing_in_flight()) return Verdict::kHold;
  std::string text("*1\r\n$4\r\nPING\r\n");
  text += command.bytes.text();
  ToAll wait{Merge::kEachLeast, copy_of(text, client.services().loop.pool()), 1, true};
  Verdict verdict = send_to_all(client, command, wait);
  if (verdict == Verdict::kTaken && !client.nothing_in_flight()) client.wait_for_last();
  return verdict;
}

}  // namespace keyway::proxy
