// An agent of replicated mode as it ships (its duty, election, handover and clerk), with a model of what is
// around it: its process, its server's process, the API server, time. Owned by a run.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/clerk.h"
#include "agent/duty.h"
#include "agent/settings.h"
#include "api.h"
#include "fibers.h"
#include "simulation/interrupter.h"
#include "simulation/model_servers.h"

namespace keyway::simulation {

// Servers as the fiber that asks sees them: others go on while it waits.
class FiberServers : public ModelServers {
 public:
  FiberServers(World& world, Interrupter& interrupter, Fibers& fibers, int from)
      : ModelServers(world, interrupter, from), fibers_(fibers) {}

 protected:
  void wait(int64_t deadline_us) override;
  void answered() override;

 private:
  Fibers& fibers_;
  int waiting_ = -1;  // the fiber
};

// A clerk in a fiber of its own.
class ModelDesk : public agent::ClerkDesk {
 public:
  ModelDesk(World& world, Fibers& fibers, Api& api, int place, const agent::ClerkOptions& options);

  void wish(const agent::Wish& wish) override;
  agent::View view() override { return view_; }
  bool settled() override { return acted_on_ == wishes_; }
  void settle(int64_t timeout_ms) override;

  int fiber() const { return fiber_; }

 private:
  void work();

  World& world_;
  Fibers& fibers_;
  ModelRegistry registry_;
  agent::Clerk clerk_;
  agent::Wish wish_;
  uint64_t wishes_ = 0;
  uint64_t acted_on_ = 0;
  agent::View view_;
  int fiber_ = -1;
};

class ModelAgent {
 public:
  ModelAgent(World& world, Fibers& fibers, Api& api, int place, int replicas, int life);

  // It stands still, its server does not.
  void pause();
  void resume();
  // kill -9 of the agent alone: its server goes on, and the next agent of this place takes it over.
  void kill();
  // SIGTERM: a primary hands over, the server ends, then the agent.
  void tell_to_end() { stop_us_ = world_.now_us() == 0 ? 1 : world_.now_us(); }

  void server_gone(int place) { servers_.peer_gone(place); }
  bool gone() const { return gone_; }
  const agent::PodState& state() const { return state_; }
  const std::string& pod() const { return settings_.pod; }
  bool holds_lease() { return desk_.view().mine; }

 private:
  int64_t now_ms() const { return world_.now_us() / 1000; }
  Server* server() const { return world_.server(place_); }
  void live();
  int64_t turn();
  void take_end();
  void start();
  void look();
  void stop();
  void tell_server_to_end();

  World& world_;
  Fibers& fibers_;
  Interrupter interrupter_;
  int place_;
  agent::Settings settings_;
  platform::local::EngineProgram program_;
  FiberServers servers_;
  ModelDesk desk_;
  std::unique_ptr<agent::Duty> duty_;
  std::optional<agent::Handover> handover_;
  agent::PodState state_;
  int fiber_ = -1;
  bool unsteady_ = true;
  bool had_server_ = false;
  int failures_ = 0;
  int64_t not_before_ms_ = 0;
  int64_t ticked_ms_ = 0;
  int64_t silent_since_ms_ = 0;
  int64_t stop_us_ = 0;  // 0: not told to end
  int64_t told_ms_ = 0;
  bool gone_ = false;
};

}  // namespace keyway::simulation
