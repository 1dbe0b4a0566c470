// Sharded mode: the agent that holds the cluster's Lease runs the project's own loop over the cluster's pods:
// it makes the cluster, mends it, moves slots to new partitions and off those that go, and reports. What is
// wanted is said by the operator in the Lease, or else by the agent's own settings. The agent's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/clerk.h"
#include "agent/duty.h"
#include "agent/pod_platform.h"
#include "agent/reporter.h"
#include "reconcile/loop.h"

namespace keyway::agent {

class Steward {
 public:
  explicit Steward(const Workplace& place);

  // What is to be wished as to the Lease; `able`: the agent's own server answers.
  void wish_for(const View& view, bool able, int64_t now_ms, Wish& wish);
  // Does what is due if it leads. Says whether to come back soon.
  bool step(const View& view, int64_t now_ms);
  bool leads() const { return leading_; }

 private:
  void begin(const View& view, int64_t now_ms);
  Status save(const std::string& record);
  void tell(const reconcile::Tick& tick);

  Workplace place_;
  Wish wish_;  // the last one, for records that cannot wait
  PodPlatform platform_;
  reconcile::Loop loop_;
  bool leading_ = false;
  int64_t leading_since_ms_ = 0;  // monotonic
  int64_t due_ms_ = 0;            // monotonic
  std::string record_;
  std::string told_;  // the last problem or failure, said once
  Reporter reporter_;
};

}  // namespace keyway::agent
