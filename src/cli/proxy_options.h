// What `keyway proxy` is to do: its flags over its configuration file, and what is found in the files that
// they name. Main thread.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cli/arguments.h"
#include "proxy/options.h"

namespace keyway::cli {

struct ProxyPlan {
  proxy::ProxyOptions options;
  LogFormat log_format = LogFormat::kText;
  LogLevel log_level = LogLevel::kInfo;
  std::string log_file;               // empty: standard error
  std::vector<std::string> warnings;  // of what is used all the same
};

// Reads all files anew. Of a cluster of this machine it asks the nodes which of them is there; `home`, if it
// is not empty, is where these clusters are kept. kInvalidArgument: what is wrong with which flag, file or
// field.
Result<ProxyPlan> read_proxy_plan(const ProxyCommand& command, const std::string& home);

// For `--check`: looks at everything but the cluster. Gives what the proxy would do, in words.
Result<std::string> describe_proxy(const ProxyCommand& command);

}  // namespace keyway::cli
