// The program behind main: parses the words, runs the command, reports its error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keyway::cli {

// `program` is what it was called as (argv[0]); called as redis-trib it takes redis-trib's commands, as
// kubectl-keyway those of kubectl's plugin. `words`
// are the arguments after that. Returns the exit code. Called once, in the main thread.
int run_program(std::string_view program, const std::vector<std::string>& words);

}  // namespace keyway::cli
