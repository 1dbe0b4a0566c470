#include "cli/program.h"

#include <variant>

#include "cli/cluster/access.h"
#include "cli/cluster/parse.h"
#include "cli/commands.h"
#include "cli/kubectl/actions.h"
#include "cli/kubectl/parse.h"
#include "platform/local/paths.h"

namespace keyway::cli {

namespace {

// A command of backups that looks at their store alone.
bool is_of_store(const Command& command) {
  const auto* backup = std::get_if<BackupCommand>(&command);
  if (backup == nullptr) return false;
  if (std::holds_alternative<BackupSchedules>(backup->request)) return false;
  const auto* create = std::get_if<BackupCreate>(&backup->request);
  return create == nullptr || !create->from.empty();
}

// Whether a command gets along without a place for clusters.
bool needs_home(const Command& command) {
  return !std::holds_alternative<HelpCommand>(command) && !std::holds_alternative<VersionCommand>(command) &&
         !std::holds_alternative<CompletionCommand>(command) &&
         !std::holds_alternative<GenCommand>(command) && !std::holds_alternative<InstallCommand>(command) &&
         !std::holds_alternative<OperatorCommand>(command) &&
         !std::holds_alternative<CopyProgramCommand>(command) &&
         !std::holds_alternative<AgentCommand>(command) &&
         !std::holds_alternative<ProxyMapCommand>(command) && !is_of_store(command) &&
         !std::holds_alternative<ProxyTopCommand>(command) &&
         (!std::holds_alternative<ProxyCommand>(command) ||
          !std::get<ProxyCommand>(command).cluster.empty()) &&
         (!std::holds_alternative<ToolInvocation>(command) ||
          names_local_cluster(std::get<ToolInvocation>(command)));
}

Outcome run_words(std::string_view program, const std::vector<std::string>& words, Output& output) {
  if (is_kubectl_plugin(program)) return run_plugin(words, output);
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
