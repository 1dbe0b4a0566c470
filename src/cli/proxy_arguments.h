// The words of `keyway proxy` and its sub-commands. Pure; any thread.
#pragma once

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/command_words.h"

namespace keyway::cli {

Result<Command> make_proxy(Words& words);
Result<Command> make_proxy_map(Words& words);
Result<Command> make_proxy_top(Words& words);

}  // namespace keyway::cli
