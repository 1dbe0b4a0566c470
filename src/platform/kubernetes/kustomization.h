// A folder that `kubectl apply -k` takes: the manifests of a cluster, its users, and what puts them together.
// Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "platform/kubernetes/whole_cluster.h"

namespace keyway::platform::kubernetes {

struct FolderFile {
  std::string name;
  std::string text;
  bool secret = false;  // for its owner's eyes only, and not to be made anew without need
};

struct Passwords {
  std::string admin;     // of the user `default`, by which agents and servers speak to servers
  std::string workload;  // of the user `workload`
};

// A line for each user as the servers' ACL has it. Each begins "user NAME on COMMANDS… KEYS >PASSWORD":
// people have scripts that cut the password out by its position.
std::string users_file(const Passwords& passwords);

// The names in `whole` are without suffix: kustomize adds it, to the Secret that it makes too.
std::vector<FolderFile> kustomization(const WholeCluster& whole, const Passwords& passwords);

}  // namespace keyway::platform::kubernetes
