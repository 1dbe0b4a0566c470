// Carries out one step against the servers and the platform. Checks the step's condition again where the
// servers cannot.
#pragma once

#include <memory>
#include <string>

#include "cluster/observed.h"
#include "cluster/step.h"
#include "engine/mover.h"
#include "engine/servers.h"
#include "platform/platform.h"

namespace keyway::reconcile {

struct ActOptions {
  int64_t call_timeout_ms = 1000;
  int64_t switchover_timeout_ms = 10'000;  // the servers give up a coordinated handover after this
  engine::MoveLimits move;
  std::shared_ptr<engine::MoveMemories> memories = {};  // of moves; none: each slice begins anew
};

struct Act {
  Status status;
  std::string detail;
};

Act act(const cluster::Step& step, cluster::Mode mode, const cluster::Observed& observed,
        engine::Servers& servers, platform::Platform& platform, const ActOptions& options);

}  // namespace keyway::reconcile
