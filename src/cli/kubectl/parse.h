// The words of `kubectl keyway …`. Touches nothing; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/kubectl/request.h"

namespace keyway::cli {

// Whether a program of this name (argv[0]) is kubectl's plugin.
bool is_kubectl_plugin(std::string_view program);

// `words` are the arguments after the program's name. kInvalidArgument: names the flag and the remedy.
Result<PluginRequest> parse_plugin(const std::vector<std::string>& words);

std::string plugin_help();

}  // namespace keyway::cli
