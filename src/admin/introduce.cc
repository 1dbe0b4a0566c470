#include "admin/introduce.h"

#include <algorithm>

#include "admin/look.h"
#include "cluster/ownership.h"
#include "engine/meet.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::NodeFacts;
using cluster::Observed;
using cluster::PeerView;

// A server opens its connections every 100 ms; two such rounds make a meeting.
constexpr int64_t kPatienceMs = 250;
constexpr int64_t kMostPatienceMs = 2000;
constexpr size_t kMeetsAtOnce = 64;
constexpr int kMeetingsInVain = 3;  // with pauses of 1.75 s in all
constexpr int64_t kRaisePauseMs = 2000;

const PeerView* seen_by(const NodeFacts& viewer, const std::string& id) {
  auto found = std::ranges::find(viewer.server.peers, id, &PeerView::id);
  return found == viewer.server.peers.end() ? nullptr : &*found;
}

// The primary whose epoch is in the way: see the header.
const NodeFacts* overtaken_primary(const Observed& observed, const ViewGap& gap) {
  const PeerView* own = cluster::own_view(observed.nodes[gap.about]);
  if (gap.gap != Gap::kOutdated || own == nullptr || own->primary) return nullptr;
  const PeerView* seen = seen_by(observed.nodes[gap.viewer], own->id);
  const NodeFacts* primary = observed.find_id(own->primary_id);
  const PeerView* of_primary = primary == nullptr ? nullptr : cluster::own_view(*primary);
  if (seen == nullptr || of_primary == nullptr) return nullptr;
  return seen->primary && seen->config_epoch > of_primary->config_epoch ? primary : nullptr;
}

}  // namespace

std::optional<std::pair<size_t, size_t>> Introducer::meeting_for(const ViewGap& gap) {
  if (gap.gap == Gap::kUnknown) return std::pair(gap.viewer, gap.about);
  if (gap.gap == Gap::kOutdated) return std::pair(gap.about, gap.viewer);
  return std::nullopt;
}

resp::Command Introducer::meet(const Observed& observed, const NodeFacts& node) const {
  Address at = meeting_address(session_, observed, node);
  const PeerView* own = cluster::own_view(node);
  return engine::meet_command(at, own == nullptr ? 0 : own->bus_port);
}

bool Introducer::is_due(const Pair& pair, int64_t at_ms) {
  Meeting& meeting = meetings_[pair];
  if (at_ms < meeting.next_ms) return false;
  meeting.pause_ms = std::clamp(2 * meeting.pause_ms, kPatienceMs, kMostPatienceMs);
  meeting.next_ms = at_ms + meeting.pause_ms;
  ++meeting.times;
  return true;
}

void Introducer::raise_epoch(const Observed& observed, const ViewGap& gap, Orders& orders) {
  const NodeFacts* primary = overtaken_primary(observed, gap);
  if (primary == nullptr) return;
  auto [last, first_time] = raised_ms_.try_emplace(primary->address, now_ms());
  if (!first_time && now_ms() - last->second < kRaisePauseMs) return;
  last->second = now_ms();
  orders[primary->address].push_back({"CLUSTER", "BUMPEPOCH"});
}

Introducer::Orders Introducer::orders(const Observed& observed, const std::vector<ViewGap>& gaps) {
  Orders orders;
  int64_t at_ms = now_ms();
  for (const ViewGap& gap : gaps) {
    auto meeting = meeting_for(gap);
    if (!meeting) continue;
    const NodeFacts& sender = observed.nodes[meeting->first];
    const NodeFacts& other = observed.nodes[meeting->second];
    std::vector<resp::Command>& commands = orders[sender.address];
    Pair pair{sender.address, other.address};
    if (commands.size() >= kMeetsAtOnce || !is_due(pair, at_ms)) continue;
    commands.push_back(meet(observed, other));
    if (meetings_[pair].times > kMeetingsInVain) raise_epoch(observed, gap, orders);
  }
  return orders;
}

Status Introducer::close(const Observed& observed, const std::vector<ViewGap>& gaps) {
  std::vector<engine::Request> requests;
  for (auto& [address, commands] : orders(observed, gaps)) {
    if (!commands.empty()) requests.push_back({address, commands});
  }
  std::vector<engine::Response> responses = session_.servers.exchange(requests, session_.timeout_ms);
  for (size_t i = 0; i < requests.size(); ++i) {
    if (responses[i].error) return fail(*responses[i].error);
    for (size_t k = 0; k < requests[i].commands.size(); ++k) {
      // That of a raised epoch is "BUMPED …" or "STILL …".
      if (!responses[i].replies[k].is_error()) continue;
      return fail(engine::refusal(requests[i].address, requests[i].commands[k], responses[i].replies[k]));
    }
  }
  return {};
}

}  // namespace keyway::admin
