#include "cli/program.h"

#include <variant>

#include "cli/cluster/access.h"
#include "cli/cluster/parse.h"
#include "cli/commands.h"
#include "platform/local/paths.h"

namespace keyway::cli {

namespace {

// Whether a command gets along without a place for clusters.
bool needs_home(const Command& command) {
  return !std::holds_alternative<HelpCommand>(command) && !std::holds_alternative<VersionCommand>(command) &&
         !std::holds_alternative<CompletionCommand>(command) &&
         (!std::holds_alternative<ToolInvocation>(command) ||
          names_local_cluster(std::get<ToolInvocation>(command)));
}

Outcome run_words(std::string_view program, const std::vector<std::string>& words, Output& output) {
  Result<Invocation> invocation =
      is_redis_trib(program) ? parse_tool(Spelling::kRedisTrib, words) : parse_arguments(words);
  if (!invocation) return fail(invocation.error());
  Context context{output, ""};
  if (needs_home(invocation->command)) {
    Result<std::string> home = platform::local::find_home();
    if (!home) return fail(home.error());
    context.home = *home;
  }
  return std::visit([&](const auto& command) { return run(command, context); }, invocation->command);
}

}  // namespace

int run_program(std::string_view program, const std::vector<std::string>& words) {
  Output output(asks_for_json(words));
  Outcome outcome = run_words(program, words, output);
  if (outcome) return *outcome;
  output.failure(outcome.error().error);
  return outcome.error().exit_code;
}

}  // namespace keyway::cli
