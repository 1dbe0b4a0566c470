// The words of `keyway backup` and its sub-commands. Pure; any thread.
#pragma once

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/command_words.h"

namespace keyway::cli {

// Of the commands whose names begin with "backup ".
Result<Command> make_backup(Words& words);

// What a command says of a store in S3.
backup::S3Options take_s3(const Words& words);

}  // namespace keyway::cli
