// The help texts. Pure; any thread.
#pragma once

#include <string>

#include "cli/grammar.h"

namespace keyway::cli {

// What `keyway --help` prints: all commands in their groups.
std::string program_help();

std::string command_help(const CommandSyntax& command);

// One line: "Usage: keyway up [NAME] [flags]".
std::string usage_line(const CommandSyntax& command);

}  // namespace keyway::cli
