#include "admin/views.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "base/format.h"
#include "cluster/ownership.h"
#include "engine/survey.h"

namespace keyway::admin {

namespace {

using cluster::NodeFacts;
using cluster::Observed;
using cluster::PeerView;

// A node that is compared: what it says of itself, and how the others find it.
struct Subject {
  size_t index = 0;
  const PeerView* own = nullptr;
  Address announced;
};

std::vector<Subject> subjects_of(const Observed& observed) {
  std::vector<Subject> subjects;
  for (size_t i = 0; i < observed.nodes.size(); ++i) {
    const PeerView* own = cluster::own_view(observed.nodes[i]);
    if (own != nullptr) subjects.push_back({i, own, engine::announced_address(observed, observed.nodes[i])});
  }
  return subjects;
}

bool is_outdated(const PeerView& seen, const PeerView& own) {
  if (seen.primary != own.primary) return true;
  if (!own.primary) return seen.primary_id != own.primary_id;
  return seen.slots != own.slots || seen.config_epoch != own.config_epoch;
}

std::optional<Gap> gap_of(const PeerView& seen, const PeerView& own) {
  if (is_outdated(seen, own)) return Gap::kOutdated;
  if (seen.fail || seen.pfail || seen.noaddr) return Gap::kSuspected;
  if (!seen.linked) return Gap::kUnlinked;
  return std::nullopt;
}

void compare(const Observed& observed, size_t viewer, const std::vector<Subject>& subjects,
             std::vector<ViewGap>& gaps) {
  std::map<std::string_view, const PeerView*> seen;
  std::set<Address> meeting;
  for (const PeerView& peer : observed.nodes[viewer].server.peers) {
    if (peer.handshake) {
      meeting.insert(peer.address);
    } else {
      seen[peer.id] = &peer;
    }
  }
  for (const Subject& subject : subjects) {
    if (subject.index == viewer) continue;
    auto found = seen.find(subject.own->id);
    if (found == seen.end()) {
      Gap gap = meeting.contains(subject.announced) ? Gap::kMeeting : Gap::kUnknown;
      gaps.push_back({viewer, subject.index, gap});
    } else if (std::optional<Gap> gap = gap_of(*found->second, *subject.own)) {
      gaps.push_back({viewer, subject.index, *gap});
    } else if (meeting.contains(subject.announced)) {
      gaps.push_back({viewer, subject.index, Gap::kMeeting});
    }
  }
}

std::string_view words(Gap gap) {
  switch (gap) {
    case Gap::kUnknown:
      return "does not know";
    case Gap::kMeeting:
      return "is still being introduced to";
    case Gap::kOutdated:
      return "has not heard of the latest role and slots of";
    case Gap::kUnlinked:
      return "has no cluster bus connection to";
    case Gap::kSuspected:
      return "takes for failed";
  }
  return "does not know";
}

}  // namespace

std::vector<ViewGap> view_gaps(const Observed& observed) {
  std::vector<Subject> subjects = subjects_of(observed);
  std::vector<ViewGap> gaps;
  for (const Subject& viewer : subjects) compare(observed, viewer.index, subjects, gaps);
  return gaps;
}

std::string describe(const Observed& observed, const ViewGap& gap) {
  const NodeFacts& viewer = observed.nodes[gap.viewer];
  const NodeFacts& about = observed.nodes[gap.about];
  const PeerView* own = cluster::own_view(about);
  return fmt::format("{} {} {}; its cluster bus must be reachable from there at {} port {}", viewer.name,
                     words(gap.gap), about.name, engine::announced_address(observed, about).host,
                     own == nullptr ? 0 : own->bus_port);
}

bool knows(const NodeFacts& node, const std::string& id) {
  return std::any_of(node.server.peers.begin(), node.server.peers.end(),
                     [&](const PeerView& peer) { return !peer.handshake && peer.id == id; });
}

}  // namespace keyway::admin
