// The commands, one function each, named by the type of its words. Each returns the exit code or why it
// failed. Main thread.
#pragma once

#include <string>

#include "cli/arguments.h"
#include "cli/output.h"

namespace keyway::cli {

struct Context {
  Output& output;
  std::string home;  // where clusters are kept; absolute
};

Outcome run(const UpCommand& command, Context& context);
Outcome run(const DownCommand& command, Context& context);
Outcome run(const ListCommand& command, Context& context);
Outcome run(const StatusCommand& command, Context& context);
Outcome run(const LogsCommand& command, Context& context);
Outcome run(const HistoryCommand& command, Context& context);
Outcome run(const SpecCommand& command, Context& context);
Outcome run(const PlanCommand& command, Context& context);
Outcome run(const ApplyCommand& command, Context& context);
Outcome run(const ScaleCommand& command, Context& context);
Outcome run(const FailoverCommand& command, Context& context);
Outcome run(const RecoverCommand& command, Context& context);
Outcome run(const RestartCommand& command, Context& context);
Outcome run(const ExecCommand& command, Context& context);
Outcome run(const PasswordCommand& command, Context& context);
Outcome run(const ProxyCommand& command, Context& context);
Outcome run(const ProxyMapCommand& command, Context& context);
Outcome run(const ProxyTopCommand& command, Context& context);
Outcome run(const GenCommand& command, Context& context);
Outcome run(const InstallCommand& command, Context& context);
Outcome run(const OperatorCommand& command, Context& context);
Outcome run(const CopyProgramCommand& command, Context& context);
Outcome run(const CompletionCommand& command, Context& context);
Outcome run(const VersionCommand& command, Context& context);
Outcome run(const SuperviseCommand& command, Context& context);
Outcome run(const AgentCommand& command, Context& context);
Outcome run(const CompleteCommand& command, Context& context);
Outcome run(const HelpCommand& command, Context& context);
Outcome run(const RestoreCommand& command, Context& context);
Outcome run(const ToolInvocation& command, Context& context);
Outcome run(const BackupCommand& command, Context& context);

}  // namespace keyway::cli
