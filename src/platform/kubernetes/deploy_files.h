// The files under deploy/ from which people install the operator in other ways than by `keyway install`: a
// base for kustomize and a chart for Helm, of the same objects. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keyway::platform::kubernetes {

struct DeployFile {
  std::string path;  // below deploy/
  std::string text;
};

// `version` is the program's, "0.1.0".
std::vector<DeployFile> deploy_files(std::string_view image, std::string_view version);

}  // namespace keyway::platform::kubernetes
