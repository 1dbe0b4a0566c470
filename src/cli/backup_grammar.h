// The commands and flags of `keyway backup`, as grammar.h has them. Constant; any thread.
#pragma once

#include <vector>

#include "cli/grammar.h"

namespace keyway::cli {

std::vector<CommandSyntax> backup_commands();
std::vector<Flag> backup_flags();

}  // namespace keyway::cli
