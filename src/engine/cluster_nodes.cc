// parse_cluster_nodes: the text of CLUSTER NODES, one line a node:
//   id ip:port@bus[,hostname[,key=value…]] flag,flag primary-id ping-sent pong-received config-epoch
//   link-state [slots…]
// Slots are "5", "0-5460" and, in the line of the server itself, the open ones: "[93->-id]" migrating to,
// "[93-<-id]" importing from. A server's nodes.conf has the same lines and ends with one that begins with
// "vars".
#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "engine/cut.h"
#include "engine/observe.h"

namespace keyway::engine {

namespace {

using cluster::OpenSlot;
using cluster::PeerView;
using cluster::Slot;
using cluster::SlotRange;

constexpr size_t kShownBytes = 160;  // of a line, in an error

template <typename T>
bool read_number(std::string_view text, uint64_t limit, T& number) {
  std::optional<uint64_t> value = parse_uint(text);
  if (!value || *value > limit) return false;
  number = static_cast<T>(*value);
  return true;
}

bool read_slot(std::string_view text, Slot& slot) { return read_number(text, cluster::kSlotCount - 1, slot); }

bool read_endpoint(std::string_view text, PeerView& peer) {
  std::string_view address = cut(text, ',');
  size_t at = address.rfind('@');
  if (at == std::string_view::npos || !read_number(address.substr(at + 1), UINT16_MAX, peer.bus_port))
    return false;
  size_t colon = address.rfind(':', at);
  if (colon == std::string_view::npos) return false;
  if (!read_number(address.substr(colon + 1, at - colon - 1), UINT16_MAX, peer.address.port)) return false;
  peer.address.host = address.substr(0, colon);  // empty while a server does not know its own

  peer.hostname = cut(text, ',');
  constexpr std::string_view shard_id = "shard-id=";
  while (!text.empty()) {
    std::string_view field = cut(text, ',');
    if (field.starts_with(shard_id)) peer.shard_id = field.substr(shard_id.size());
  }
  return true;
}

// Flags that mean nothing to Keyway, such as those of a later version, are passed over.
void read_flags(std::string_view text, PeerView& peer) {
  while (!text.empty()) {
    std::string_view flag = cut(text, ',');
    if (flag == "myself") peer.myself = true;
    if (flag == "master") peer.primary = true;
    if (flag == "fail") peer.fail = true;
    if (flag == "fail?") peer.pfail = true;
    if (flag == "handshake") peer.handshake = true;
    if (flag == "noaddr") peer.noaddr = true;
  }
}

// "[93->-id]" or "[93-<-id]".
bool read_open_slot(std::string_view text, OpenSlot& open) {
  if (!text.ends_with(']')) return false;
  text = text.substr(1, text.size() - 2);
  size_t arrow = text.find('-');
  if (arrow == std::string_view::npos || !read_slot(text.substr(0, arrow), open.slot)) return false;
  std::string_view peer = text.substr(arrow);
  open.importing = peer.starts_with("-<-");
  if (!open.importing && !peer.starts_with("->-")) return false;
  open.peer_id = peer.substr(3);
  return !open.peer_id.empty();
}

bool read_slot_range(std::string_view text, cluster::SlotRanges& slots) {
  SlotRange range;
  std::string_view first = cut(text, '-');
  if (!read_slot(first, range.first)) return false;
  if (text.empty()) {
    range.last = range.first;
  } else if (!read_slot(text, range.last) || range.last < range.first) {
    return false;
  }
  if (!slots.empty() && range.first <= slots.back().last) return false;  // servers print them in order
  if (!slots.empty() && range.first == slots.back().last + 1) {
    slots.back().last = range.last;
  } else {
    slots.push_back(range);
  }
  return true;
}

bool read_slots(std::string_view text, PeerView& peer, std::vector<OpenSlot>* open_slots) {
  while (!text.empty()) {
    std::string_view part = cut(text, ' ');
    if (!part.starts_with('[')) {
      if (!read_slot_range(part, peer.slots)) return false;
      continue;
    }
    OpenSlot open;
    if (!read_open_slot(part, open)) return false;
    if (open_slots != nullptr) open_slots->push_back(std::move(open));
  }
  return true;
}

bool read_line(std::string_view line, PeerView& peer, std::vector<OpenSlot>* open_slots) {
  peer.id = cut(line, ' ');
  if (peer.id.empty() || !read_endpoint(cut(line, ' '), peer)) return false;
  read_flags(cut(line, ' '), peer);
  std::string_view primary_id = cut(line, ' ');
  if (primary_id.empty()) return false;
  if (primary_id != "-") peer.primary_id = primary_id;
  cut(line, ' ');  // when it was last pinged
  cut(line, ' ');  // when it last answered
  if (!read_number(cut(line, ' '), UINT64_MAX, peer.config_epoch)) return false;
  std::string_view link = cut(line, ' ');
  peer.linked = link == "connected";
  if (!peer.linked && link != "disconnected") return false;
  return read_slots(line, peer, open_slots);
}

}  // namespace

Result<std::vector<PeerView>> parse_cluster_nodes(std::string_view text, std::vector<OpenSlot>* open_slots) {
  std::vector<PeerView> peers;
  peers.reserve(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
  while (!text.empty()) {
    std::string_view line = cut_line(text);
    if (line.empty() || line.starts_with("vars ")) continue;
    if (!read_line(line, peers.emplace_back(), open_slots)) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("this is no line of CLUSTER NODES: {}", line.substr(0, kShownBytes)));
    }
  }
  if (peers.empty()) return fail(ErrorCode::kCorrupt, "CLUSTER NODES lists no node");
  return peers;
}

}  // namespace keyway::engine
