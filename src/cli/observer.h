// Looks at a local cluster as its supervisor would, without one: reads the record, asks all servers at once,
// and runs the planner over what it saw. Changes nothing. One thread.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "cluster/plan.h"
#include "engine/servers.h"
#include "platform/local/local_platform.h"
#include "reconcile/status.h"

namespace keyway::cli {

struct Seen {
  cluster::Desired desired;
  cluster::Observed observed;
  reconcile::ClusterStatus status;
};

class Observer {
 public:
  // kNotFound: no such cluster; else why its record cannot be read.
  static Result<Observer> open(const std::string& home, const std::string& cluster);
  Observer(Observer&&) noexcept;
  Observer& operator=(Observer&&) noexcept;
  ~Observer();

  // The cluster as it is now, within half a second. Reads the record afresh.
  Result<Seen> look();

  // The record as of the last look, or of open. Valid until the next look.
  platform::local::LocalPlatform& platform();
  engine::Servers& servers();

 private:
  struct Impl;
  explicit Observer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Makes `spec` the desired one of a cluster that no supervisor keeps. Returns warnings for people. Errors:
// those of LocalPlatform::open and apply.
Result<std::vector<std::string>> apply_offline(const std::string& home, const std::string& cluster,
                                               const cluster::Spec& spec);

}  // namespace keyway::cli
