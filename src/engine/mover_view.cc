#include "engine/mover_view.h"

#include <algorithm>

#include "base/format.h"
#include "engine/observe.h"
#include "engine/refusal.h"

namespace keyway::engine {

namespace {

Result<MoverView> view_of(const MoveTask& task, bool source, const resp::Reply& nodes) {
  const Address& address = source ? task.from : task.to;
  const std::string& id = source ? task.from_id : task.to_id;
  const std::string& peer_id = source ? task.to_id : task.from_id;
  const std::vector<std::string>& peer_others = source ? task.to_others : task.from_others;
  if (nodes.is_error()) return fail(refusal(address, {"CLUSTER", "NODES"}, nodes));
  std::vector<cluster::OpenSlot> open_slots;
  Result<std::vector<cluster::PeerView>> peers = parse_cluster_nodes(nodes.text, &open_slots);
  if (!peers)
    return fail(peers.error().code, fmt::format("{}: {}", to_string(address), peers.error().message));
  auto self =
      std::find_if(peers->begin(), peers->end(), [](const cluster::PeerView& peer) { return peer.myself; });
  if (self == peers->end() || self->id != id) {
    return fail(ErrorCode::kConflict,
                fmt::format("the server at {} is not node {} any more", to_string(address), id));
  }
  MoverView view;
  view.owned = cluster::to_set(self->slots);
  view.epoch = self->config_epoch;
  auto peer = std::find_if(peers->begin(), peers->end(),
                           [&](const cluster::PeerView& other) { return other.id == peer_id; });
  if (peer != peers->end()) {
    view.peer_epoch = peer->config_epoch;
    view.peer_owned = cluster::to_set(peer->slots);
    view.peer_address = peer->address;
    view.peer_bus_port = peer->bus_port;
  }
  for (const cluster::PeerView& other : *peers) {
    if (other.primary && !other.myself && other.slots.empty())
      view.idle_primaries.emplace(other.id, other.address);
  }
  for (const cluster::OpenSlot& open : open_slots) {
    bool this_way = open.importing != source;
    bool replaced = std::find(peer_others.begin(), peer_others.end(), open.peer_id) != peer_others.end();
    cluster::SlotSet& kind = this_way && open.peer_id == peer_id ? view.open
                             : this_way && replaced              ? view.outdated
                                                                 : view.foreign;
    kind.set(open.slot);
  }
  return view;
}

}  // namespace

Result<MoverViews> look_at_pair(Servers& servers, const MoveTask& task) {
  std::vector<Response> both = servers.exchange(
      {{task.from, {{"CLUSTER", "NODES"}}}, {task.to, {{"CLUSTER", "NODES"}}}}, kMoverCallTimeoutMs);
  for (const Response& response : both) {
    if (response.error) return fail(*response.error);
  }
  Result<MoverView> from = view_of(task, true, both[0].replies[0]);
  if (!from) return fail(from.error());
  Result<MoverView> to = view_of(task, false, both[1].replies[0]);
  if (!to) return fail(to.error());
  return MoverViews{*from, *to};
}

}  // namespace keyway::engine
