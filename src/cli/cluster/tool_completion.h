// What may come next on a command line of the cluster tool. Pure but for what `known` reads; any thread.
#pragma once

#include <string>
#include <vector>

#include "cli/cluster/request.h"
#include "cli/completion.h"

namespace keyway::cli {

// `words` come after "cluster" or "--cluster"; the last one is being typed and may be empty.
Candidates complete_tool(Spelling spelling, const std::vector<std::string>& words, KnownNames& known);

}  // namespace keyway::cli
