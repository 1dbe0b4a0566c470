#include "cli/program.h"

#include <variant>

#include "cli/commands.h"
#include "platform/local/paths.h"

namespace keyway::cli {

namespace {

// Whether a command gets along without a place for clusters.
bool needs_home(const Command& command) {
  return !std::holds_alternative<HelpCommand>(command) && !std::holds_alternative<VersionCommand>(command) &&
         !std::holds_alternative<CompletionCommand>(command);
}

Outcome run_words(const std::vector<std::string>& words, Output& output) {
  Result<Invocation> invocation = parse_arguments(words);
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

int run_program(const std::vector<std::string>& words) {
  Output output(asks_for_json(words));
  Outcome outcome = run_words(words, output);
  if (outcome) return *outcome;
  output.failure(outcome.error().error);
  return outcome.error().exit_code;
}

}  // namespace keyway::cli
