// What is not in order between the nodes of a cluster, slots aside: who believes what of whom. Facts for the
// diagnosis and the mending; only answering nodes are asked. Pure.
#pragma once

#include <string>
#include <vector>

#include "cluster/slot_state.h"

namespace keyway::cluster {

// `viewer` believes that the slots are `believed`'s (empty: nobody's) while they are `owner`'s.
struct WrongBelief {
  std::string viewer;
  std::string believed;
  std::string owner;
  SlotRanges slots;
};

// Beliefs about slots that one answering primary owns; what a server says of its own slots is no belief.
std::vector<WrongBelief> wrong_beliefs(const Scene& scene);

// `viewer` takes replica `id` for a primary with a config epoch that is later than that of the shard's
// `primary`. Valkey 9 then heeds nothing of what the replica says (clusterProcessPacket, "Ignore stale
// message"), so that this never ends by itself.
struct DeafViewer {
  std::string viewer;
  std::string id;
  std::string primary;
  uint64_t believed_epoch = 0;
};
std::vector<DeafViewer> deaf_viewers(const Scene& scene);

// Primaries with the same config epoch, the one that may keep it first (the servers let the one with the
// smaller id take a new one, so that is the last).
std::vector<std::vector<std::string>> colliding_epochs(const Scene& scene);

// A replica that follows nobody who could be its primary.
struct Orphan {
  std::string id;
  std::string followed;  // empty: nobody
  std::string primary;   // whom it should follow; empty: there is nobody
  int64_t keys = 0;      // that it holds though its primary is lost: they may be nowhere else
};
std::vector<Orphan> orphans(const Scene& scene);

// A member that some answering nodes know and others do not.
struct HalfKnown {
  std::string id;
  std::vector<std::string> known_by;
  std::vector<std::string> forgotten_by;  // do not know it though it knows them (if it answers)
  std::vector<std::string> never_met;     // neither knows the other; each pair is told once
  // It does not answer, owns nothing and is followed by nobody: the others may forget it.
  bool removable = false;
};
std::vector<HalfKnown> half_known(const Scene& scene);

// `viewer` has no link to `id`, and another address for it than it has.
struct StaleAddress {
  std::string viewer;
  std::string id;
  Address believed;
  Address actual;
  uint16_t believed_bus_port = 0;
  uint16_t actual_bus_port = 0;
};
std::vector<StaleAddress> stale_addresses(const Scene& scene);

}  // namespace keyway::cluster
