// The help texts of the cluster tool. Pure; any thread.
#pragma once

#include <string>

#include "cli/cluster/grammar.h"

namespace keyway::cli {

// All commands: of kRedisCli and kRedisTrib with their options, as those tools print them.
std::string tool_help(Spelling spelling);

std::string tool_command_help(const ToolCommand& command, Spelling spelling);

}  // namespace keyway::cli
