// How the nodes of a cluster see each other, compared with what each says of itself. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cluster/observed.h"

namespace keyway::admin {

enum class Gap {
  kUnknown,    // has never heard of the other
  kMeeting,    // is just being introduced to it; maybe once more
  kOutdated,   // sees it in a role, with a primary, slots or an epoch that it had before
  kUnlinked,   // has no connection to it yet, or none any more
  kSuspected,  // takes it for failed
};

struct ViewGap {
  size_t viewer = 0;  // index into the nodes
  size_t about = 0;
  Gap gap = Gap::kUnknown;
};

// All gaps between nodes that answer; the others are passed over. Empty: all of them agree.
std::vector<ViewGap> view_gaps(const cluster::Observed& observed);

// "127.0.0.1:7001 does not know 127.0.0.1:7004 yet; …", with what to look at if it stays so.
std::string describe(const cluster::Observed& observed, const ViewGap& gap);

// Whether the node's own table has another node by its id, beyond the handshake.
bool knows(const cluster::NodeFacts& node, const std::string& id);

}  // namespace keyway::admin
