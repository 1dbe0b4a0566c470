// The process that keeps one local cluster whole: holds the cluster's lock, runs the loop, serves the control socket.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "reconcile/loop.h"

namespace keyway::supervisor {

struct SupervisorOptions {
  std::string cluster;
  // Called after each tick, in the supervisor's thread: the foreground view. May be empty.
  std::function<void(const reconcile::Tick&, bool stopping)> on_tick;
};

// Runs until SIGINT or SIGTERM (stops the servers gracefully, returns OK), until a `down` request, or until it cannot go on.
// kConflict: another supervisor holds the cluster.
Status run_supervisor(const SupervisorOptions& options);

// Starts `keyway supervise NAME` in a session of its own and returns when its control socket answers.
Status spawn_supervisor(const std::string& cluster);

}  // namespace keyway::supervisor
