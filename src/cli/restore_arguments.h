// The words of `keyway restore`. Pure; any thread.
#pragma once

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/command_words.h"

namespace keyway::cli {

Result<Command> make_restore(Words& words);

}  // namespace keyway::cli
