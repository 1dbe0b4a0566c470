// What `keyway gen` is to print or write, read from words like "replicas=2" and flags. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "platform/kubernetes/whole_cluster.h"

namespace keyway::cli {

struct GenCommand {
  enum class What { kShared, kPartition, kSharedAndPartition, kProxy, kFolder };

  What what = What::kSharedAndPartition;
  platform::kubernetes::WholeCluster whole;
  std::string folder;          // with kFolder
  bool overwrite = false;      // files that are there, but for the users
  bool new_passwords = false;  // those too
};

// `words` are the template's name, then KEY=VALUE in any order, and a folder for a kustomization.
// kInvalidArgument names the key and the remedy.
Result<GenCommand> read_gen_words(const std::vector<std::string>& words);

}  // namespace keyway::cli
