// The three spellings of the cluster tool, read into values. Touches nothing; any thread.
#pragma once

#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/cluster/request.h"

namespace keyway::cli {

// kOwn: the words after "keyway cluster". kRedisCli: all words after the program's name, among them
// "--cluster". kRedisTrib: all words after "redis-trib". Gives a ToolInvocation or a HelpCommand. Errors are
// kInvalidArgument and name the option and the remedy.
Result<Invocation> parse_tool(Spelling spelling, const std::vector<std::string>& words);

// Whether words that begin with no command are those of `keyway --cluster COMMAND …`.
bool is_redis_cli_spelling(const std::vector<std::string>& words);

// Whether a program of this name (argv[0]) is to behave as redis-trib.
bool is_redis_trib(std::string_view program);

}  // namespace keyway::cli
