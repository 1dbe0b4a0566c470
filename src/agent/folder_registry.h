// A Registry in a folder that all agents of a cluster reach: for tests, and for pods that are processes of
// one machine. leases/NAME and pods/NAME hold one "field=value" a line; writers take turns by a lock. A pod
// is there until its file is deleted, whether its agent runs or not.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/pods.h"

namespace keyway::agent {

class FolderRegistry : public Registry {
 public:
  // `own`: the agent's pod, which is written down at once.
  static Result<std::unique_ptr<Registry>> open(const std::string& folder, const Pod& own);

  Result<std::vector<Pod>> pods() override;
  Result<std::optional<Lease>> lease(const std::string& name) override;
  Result<Lease> put_lease(const Lease& lease) override;
  Status mark_role(const std::string& pod, RoleMark role) override;
  Status mark_node_id(const std::string& id) override;

 private:
  FolderRegistry(std::string folder, std::string own);
  Status change_pod(const std::string& name, const std::function<void(Pod&)>& change);

  std::string folder_;
  std::string own_;
};

}  // namespace keyway::agent
