// A model of the API server as agents see it: Leases with versions, pods with labels. Reads may be old, calls
// may take their time, get lost on the way there or back. Owned by a run; calls from within fibers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/pods.h"
#include "fibers.h"
#include "simulation/world.h"

namespace keyway::simulation {

class Api {
 public:
  Api(World& world, Fibers& fibers) : world_(world), fibers_(fibers) {}

  // How an agent at one place reaches it.
  struct Way {
    bool cut = false;      // nothing gets through
    int64_t slow_us = 0;   // added to each call; a call ends after a second
    int64_t stale_us = 0;  // reads show what was so long ago
  };
  std::map<int, Way> ways;  // by place

  // Pods come, get marks and go.
  std::map<std::string, agent::Pod> pods;

  // The pod that clients are led to; empty: none, or more than one.
  std::string marked_primary() const;
  const agent::Lease* lease(const std::string& name) const;

  // The calls of the agent at `place`; each may wait.
  Result<std::vector<agent::Pod>> list(int place);
  Result<std::optional<agent::Lease>> read(int place, const std::string& name);
  Result<agent::Lease> put(int place, const agent::Lease& lease);
  Status mark(int place, const std::string& pod, agent::RoleMark role);

 private:
  struct Version {
    int64_t at_us = 0;
    agent::Lease lease;
  };

  // The way there, or back; false: the call has failed by its deadline.
  bool travel(int place, int64_t deadline_us);
  static Error no_answer();

  World& world_;
  Fibers& fibers_;
  std::map<std::string, std::vector<Version>> leases_;  // the latest last
  int64_t version_ = 0;
};

// The seam that agents know.
class ModelRegistry : public agent::Registry {
 public:
  ModelRegistry(Api& api, int place) : api_(api), place_(place) {}

  Result<std::vector<agent::Pod>> pods() override { return api_.list(place_); }
  Result<std::optional<agent::Lease>> lease(const std::string& name) override {
    return api_.read(place_, name);
  }
  Result<agent::Lease> put_lease(const agent::Lease& lease) override { return api_.put(place_, lease); }
  Status mark_role(const std::string& pod, agent::RoleMark role) override {
    return api_.mark(place_, pod, role);
  }
  Status mark_node_id(const std::string&) override { return {}; }

 private:
  Api& api_;
  int place_;
};

}  // namespace keyway::simulation
