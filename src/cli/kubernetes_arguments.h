// The words of the commands that have to do with Kubernetes. Pure; any thread.
#pragma once

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/command_words.h"

namespace keyway::cli {

Result<Command> make_gen(Words& words);
Result<Command> make_install(Words& words);
Result<Command> make_operator(Words& words);
Result<Command> make_copy_program(Words& words);

}  // namespace keyway::cli
