// Questions to whoever is at standard input: a person at a terminal, or a script that pipes its answers in.
// Main thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::cli {

// The next line of standard input, without its end. Nothing at the end of the input, when interrupted, or of
// a line that is longer than anything sensible. Reads no byte beyond the line.
std::optional<std::string> read_answer();

// Whether an answer means yes: "y" or "yes", in any case.
bool means_yes(std::string_view answer);

// A password, typed unseen on a terminal (`question` on standard error), else the next line of standard
// input. kInvalidArgument: there was none.
Result<std::string> ask_password(std::string_view question);

}  // namespace keyway::cli
