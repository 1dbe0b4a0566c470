// keyway agent: the first process of a pod.
#include "agent/agent.h"

#include <cstdlib>

#include "cli/commands.h"

namespace keyway::cli {

// A flag outweighs the environment.
Outcome run(const AgentCommand& command, Context&) {
  auto given = [&command](const agent::SettingName& name) -> std::optional<std::string> {
    auto flag = command.settings.find(std::string(name.flag));
    if (flag != command.settings.end()) return flag->second;
    const char* value = std::getenv(std::string(name.variable).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  Result<agent::Settings> settings = agent::read_settings(given);
  if (!settings) return fail(settings.error());
  return agent::run_agent(*settings);
}

}  // namespace keyway::cli
