// Documents that a command line names. Main thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::cli {

// The text of `file`, 1 MiB at most; "-": standard input. `flag` says in errors (kInvalidArgument) by what it
// was named.
Result<std::string> read_document(std::string_view flag, const std::string& file);

}  // namespace keyway::cli
