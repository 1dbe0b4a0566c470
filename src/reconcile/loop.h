// The loop: observe, plan, act, report. It keeps nothing that a crash could lose but time: what it remembers
// between ticks (back-off, how long a server has been silent) it can learn again, except for elections that
// it saw, which a new one does not know of. Owned by the supervisor or the simulator; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "cluster/plan.h"
#include "engine/servers.h"
#include "platform/platform.h"
#include "reconcile/act.h"

namespace keyway::reconcile {

struct LoopOptions {
  cluster::Policy policy;
  int64_t observe_timeout_ms = 400;
  int64_t idle_ms = 1000;        // between ticks when nothing is to be done
  int64_t settle_ms = 5;         // after steps were carried out
  int64_t waiting_ms = 25;       // between ticks while waiting for servers
  int64_t backoff_min_ms = 200;  // before a failed step is tried again; doubles
  int64_t backoff_max_ms = 10'000;
  ActOptions act;
};

// A step that was carried out, or failed.
struct Outcome {
  int64_t wall_ms = 0;
  cluster::Step step;
  Status status;
  std::string detail;  // "3,210 keys"; may be empty
};

struct Tick {
  int64_t planned_ms = 0;  // the wall clock that the planner was given
  cluster::Desired desired;
  cluster::Observed observed;
  cluster::Plan plan;
  std::vector<Outcome> outcomes;
  std::vector<std::string> delayed;  // steps that wait for their next try, with their last error
  int64_t next_ms =
      0;  // until the next tick, at the latest: a process that ends or a request makes it sooner
};

class Loop {
 public:
  Loop(platform::Platform& platform, engine::Servers& servers, LoopOptions options);

  Tick tick();

 private:
  // A step that failed, or that was ordered and takes its time, is not carried out again before its hour.
  struct Pause {
    int failures = 0;
    int64_t not_before_ms = 0;
    std::string last_error;  // empty: it was ordered
  };

  using Since = std::map<std::string, int64_t>;  // by node, monotonic

  void note_absence(cluster::Observed& observed);
  void note_roles(const Tick& tick);
  // How long a coordinated handover has to wait for the server that is to take over; 0: it need not.
  int64_t old_votes_ms(const cluster::Step& step, const Tick& tick) const;
  // How long a server that has handed over is not stopped yet; 0: it may be.
  int64_t clients_leave_ms(const cluster::Step& step) const;
  void carry_out(Tick& tick);
  int64_t next_delay_ms(const Tick& tick) const;

  platform::Platform& platform_;
  engine::Servers& servers_;
  LoopOptions options_;
  std::map<std::string, Pause> pauses_;         // by key_of(step)
  std::map<std::string, cluster::Role> roles_;  // by node, of those that answered at the last look
  Since elected_;  // when one that was a replica was first seen to be the primary
  Since demoted_;  // the other way round
  Since silent_since_;
  Since down_since_;
};

}  // namespace keyway::reconcile
