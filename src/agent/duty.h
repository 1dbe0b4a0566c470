// What an agent does for its server beyond keeping it running: who it is and what role it plays. One kind for
// each mode. The agent's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/clerk.h"
#include "agent/handover.h"
#include "agent/pod_state.h"
#include "agent/server_files.h"
#include "agent/settings.h"
#include "base/clock.h"
#include "engine/servers.h"
#include "platform/local/engine_program.h"

namespace keyway::agent {

// What a duty works with; all of it outlives the duty.
struct Workplace {
  const Settings& settings;
  engine::Servers& servers;
  ClerkDesk* clerk;  // null: there is no API server
  const platform::local::EngineProgram& program;
  std::function<engine::Credentials()> account;
  std::function<int64_t()> clock_ms = monotonic_ms;  // replicated mode
};

// What is known when a server is about to be started.
struct Start {
  int64_t now_ms = 0;       // monotonic
  bool appends = false;     // by its configuration
  bool unloadable = false;  // its last start ended because its data could not be loaded
  int failures = 0;         // starts in a row that brought nothing
};

// What came of looking after a server.
struct Tended {
  bool unsteady = false;     // look again soon
  bool kill_server = false;  // it may not go on, and does not listen
};

class Duty {
 public:
  virtual ~Duty() = default;

  // Makes the data folder fit for a start and says as what the server shall start; nothing: not yet,
  // `waiting_for` says why.
  virtual std::optional<StartAs> prepare(const Start& start, std::string& waiting_for) = 0;

  // The agent itself was stopped or starved for `slept_ms`, a second or more: the first that is done then.
  virtual void woke_up(PodState& state, int64_t slept_ms) = 0;

  // The server was looked at (state.node); does what is due and completes `state`.
  virtual Tended tend(PodState& state, int64_t now_ms) = 0;

  // A handover before the server is stopped: what it sees, and after each step, what follows.
  virtual HandoverSight handover_sight(const PodState& state, int64_t now_ms) = 0;
  virtual void handing_over(const Handover& handover, const PodState& state) = 0;

  // The server has ended for good.
  virtual void leave() = 0;
};

std::unique_ptr<Duty> make_replicated_duty(const Workplace& place);
std::unique_ptr<Duty> make_sharded_duty(const Workplace& place);

// The pod's own file by which a person accepts that data is lost: KEYWAY_DATA/accept-data-loss. Taken away
// once it was heeded.
bool accepts_loss(const Settings& settings);
void heeded_acceptance(const Settings& settings);

// Facts of servers at these addresses, all asked at once.
std::vector<cluster::NodeFacts> look_at(engine::Servers& servers, cluster::Mode mode,
                                        const std::vector<std::pair<std::string, Address>>& nodes);

}  // namespace keyway::agent
