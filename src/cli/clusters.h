// Which cluster a command means, and the names of its parts.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cli/completion.h"
#include "platform/local/store.h"

namespace keyway::cli {

// The cluster named `name`, or with an empty name the only one. kNotFound: there is none, or not that one;
// kInvalidArgument: there are several and none was named. The messages list those that exist.
Result<platform::local::ClusterEntry> find_cluster(const std::string& home, const std::string& name);

// Its record. The error of find_cluster, or why the record cannot be read.
struct Chosen {
  std::string name;
  platform::local::ClusterPaths paths;
  int supervisor_pid = 0;  // 0: none runs
  platform::local::ClusterState state;
};
Result<Chosen> choose_cluster(const std::string& home, const std::string& name);

// kNotFound with the nodes that exist.
Status check_node(const Chosen& cluster, const std::string& node);

// For completion: reads records, asks no server, and knows nothing where something cannot be read.
class RecordedNames : public KnownNames {
 public:
  explicit RecordedNames(std::string home) : home_(std::move(home)) {}
  std::vector<std::string> clusters() override;
  std::vector<std::string> shards(const std::string& cluster) override;
  std::vector<std::string> nodes(const std::string& cluster) override;
  std::vector<std::string> users(const std::string& cluster) override;

 private:
  std::string home_;
};

}  // namespace keyway::cli
