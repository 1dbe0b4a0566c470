#include "cli/help.h"

#include "base/format.h"

namespace keyway::cli {

namespace {

constexpr std::string_view kIntroduction =
    "Keyway runs Redis and Valkey on this machine: a sharded cluster or a replicated server, kept whole.\n"
    "\n"
    "Usage: keyway COMMAND [NAME] [flags]\n";

constexpr std::string_view kEpilogue =
    "\n"
    "NAME may be left out where there is one cluster. `keyway COMMAND --help` tells more.\n"
    "Clusters are kept in $KEYWAY_HOME, else in $XDG_STATE_HOME/keyway, else in ~/.local/state/keyway.\n"
    "\n"
    "Exit codes: 0 done; 1 failed; 2 wrong flags or spec; 3 no such cluster or node, or its supervisor does "
    "not run;\n"
    "4 not done within the time given; 130 interrupted.\n";

std::string flag_line(const Flag& flag) {
  std::string left = flag.short_spelling().empty() ? "    " : fmt::format("{}, ", flag.short_spelling());
  left += flag.long_spelling();
  if (!flag.value.empty()) left += fmt::format(" {}", flag.value);
  return fmt::format("  {:<22}  {}\n", left, flag.help);
}

}  // namespace

std::string program_help() {
  std::string text(kIntroduction);
  std::string_view group;
  for (const CommandSyntax& command : all_commands()) {
    if (command.group.empty()) continue;
    if (command.group != group) text += fmt::format("\n{}:\n", command.group);
    group = command.group;
    text += fmt::format("  {:<15}{}\n", command.name, command.summary);
  }
  return text + std::string(kEpilogue);
}

std::string usage_line(const CommandSyntax& command) {
  std::string text = fmt::format("Usage: keyway {}", command.name);
  // What follows "--" goes to another program, so flags of our own come before it.
  std::string_view positionals = command.positionals;
  size_t tail = positionals.find(" [--");
  std::string_view after = tail == std::string_view::npos ? std::string_view{} : positionals.substr(tail);
  positionals = positionals.substr(0, tail);
  if (!positionals.empty()) text += fmt::format(" {}", positionals);
  if (!command.flags.empty()) text += " [flags]";
  return fmt::format("{}{}\n", text, after);
}

std::string command_help(const CommandSyntax& command) {
  std::string text = fmt::format("{}.\n\n{}\nFlags:\n", command.summary, usage_line(command));
  for (std::string_view name : command.flags) text += flag_line(flag_named(name));
  text += flag_line(flag_named("help"));
  if (!command.details.empty()) text += fmt::format("\n{}", command.details);
  return text;
}

}  // namespace keyway::cli
