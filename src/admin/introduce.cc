#include "admin/introduce.h"

#include "admin/look.h"
#include "base/format.h"
#include "cluster/ownership.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::NodeFacts;
using cluster::Observed;
using cluster::PeerView;

// A server opens its connections every 100 ms; two such rounds make a meeting.
constexpr int64_t kPatienceMs = 250;
constexpr size_t kMeetsAtOnce = 64;

}  // namespace

std::optional<std::pair<size_t, size_t>> Introducer::meeting_for(const ViewGap& gap) {
  if (gap.gap == Gap::kUnknown) return std::pair(gap.viewer, gap.about);
  if (gap.gap == Gap::kOutdated) return std::pair(gap.about, gap.viewer);
  return std::nullopt;
}

// The bus port is told too: servers would take it for port + 10000.
resp::Command Introducer::meet(const Observed& observed, const NodeFacts& node) const {
  Address at = meeting_address(session_, observed, node);
  resp::Command command = {"CLUSTER", "MEET", at.host, fmt::format("{}", at.port)};
  const PeerView* own = cluster::own_view(node);
  if (own != nullptr && own->bus_port != 0) command.push_back(fmt::format("{}", own->bus_port));
  return command;
}

Status Introducer::close(const Observed& observed, const std::vector<ViewGap>& gaps) {
  std::map<size_t, engine::Request> told;
  int64_t now = now_ms();
  for (const ViewGap& gap : gaps) {
    auto meeting = meeting_for(gap);
    if (!meeting) continue;
    const NodeFacts& sender = observed.nodes[meeting->first];
    const NodeFacts& other = observed.nodes[meeting->second];
    engine::Request& request =
        told.try_emplace(meeting->first, engine::Request{sender.address, {}}).first->second;
    if (request.commands.size() >= kMeetsAtOnce) continue;
    auto [last, first_time] = last_ms_.try_emplace({sender.address, other.address}, now);
    if (!first_time && now - last->second < kPatienceMs) continue;
    last->second = now;
    request.commands.push_back(meet(observed, other));
  }
  std::vector<engine::Request> requests;
  for (auto& [index, request] : told) {
    if (!request.commands.empty()) requests.push_back(std::move(request));
  }
  std::vector<engine::Response> responses = session_.servers.exchange(requests, session_.timeout_ms);
  for (size_t i = 0; i < requests.size(); ++i) {
    if (responses[i].error) return fail(*responses[i].error);
    for (size_t k = 0; k < requests[i].commands.size(); ++k) {
      if (responses[i].replies[k].ok()) continue;
      return fail(engine::refusal(requests[i].address, requests[i].commands[k], responses[i].replies[k]));
    }
  }
  return {};
}

}  // namespace keyway::admin
