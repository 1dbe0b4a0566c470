// A Registry at an API server, with the account of the pod that the agent runs in. Lives in the clerk's
// thread once it is made. Every call ends within a second or so, whatever the server does.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/pods.h"
#include "agent/settings.h"

namespace keyway::agent {

// kNotFound: this is no pod of a Kubernetes cluster.
Result<std::unique_ptr<Registry>> open_kubernetes_registry(const Settings& settings);

// What the objects say. `settings` tells at which ports pods serve. kCorrupt: it is no such object. For
// tests, too.
Result<Pod> read_pod(std::string_view object, const Settings& settings);
Result<Lease> read_lease(const std::string& object);

// What is written into the Lease, as an object; with the version it is in place of that one only.
std::string lease_object(const Lease& lease, const std::string& name_space);

}  // namespace keyway::agent
