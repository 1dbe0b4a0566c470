// The program behind main: parses the words, runs the command, reports its error.
#pragma once

#include <string>
#include <vector>

namespace keyway::cli {

// `words` are the arguments after the program's name. Returns the exit code. Called once, in the main thread.
int run_program(const std::vector<std::string>& words);

}  // namespace keyway::cli
