// The process that keeps one local cluster whole: holds the cluster's lock, runs the loop, serves the control
// socket.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "reconcile/loop.h"
#include "reconcile/status.h"
#include "supervisor/control.h"

namespace keyway::supervisor {

struct SupervisorOptions {
  std::string cluster;
  // Called after each tick, in the supervisor's thread: the foreground view. May be empty.
  std::function<void(const reconcile::Tick&, const std::optional<reconcile::ProxyStatus>&, bool stopping)>
      on_tick;
  // Called with each new line of the journal, in the same thread and before on_tick. May be empty.
  std::function<void(const Event&)> on_event;
};

// Runs until SIGINT, SIGTERM or SIGHUP (stops the servers gracefully, returns OK), until a `down` request, or
// until it cannot go on. A second signal while it stops leaves alone what still runs. kConflict: another
// supervisor holds the cluster. kUnavailable: stopped, but for servers that it had to leave running.
Status run_supervisor(const SupervisorOptions& options);

// Starts `keyway supervise NAME` in a session of its own and returns when its control socket answers; at once
// if a supervisor runs already. kUnavailable: it ended instead; what it said.
Status spawn_supervisor(const std::string& cluster);

// Stops all servers of a cluster that has no supervisor (any more), in the same order and with the same care.
// OK at once if none runs: so it also tells whether a supervisor's `down` has done all. `say` is told what is
// going on; may be empty. kConflict: a supervisor holds the cluster. kUnavailable: servers had to be left
// running, which and why.
Status stop_cluster(const std::string& cluster,
                    const std::function<void(LogLevel level, const std::string& text)>& say);

}  // namespace keyway::supervisor
