#include "cli/cluster/usage.h"

#include "base/format.h"

namespace keyway::cli {

namespace {

constexpr std::string_view kOwnIntroduction =
    "Make, check, mend and change any Redis or Valkey cluster, whoever made it, given one address.\n"
    "\n"
    "Usage: keyway cluster COMMAND ADDR [flags]\n"
    "\n"
    "Commands:\n";

constexpr std::string_view kOwnEpilogue =
    "\n"
    "ADDR is host:port of any node, or the name of a cluster that Keyway runs on this machine. `keyway "
    "cluster "
    "COMMAND\n"
    "--help` tells more. `keyway --cluster help` has the commands and options of redis-cli and valkey-cli; "
    "called as\n"
    "redis-trib, the program takes those of redis-trib.\n"
    "\n"
    "The password is in KEYWAY_PASSWORD, VALKEYCLI_AUTH or REDISCLI_AUTH, or in a file (--password-file), or "
    "asked for\n"
    "(--askpass).\n"
    "\n"
    "Exit codes: 0 done; 1 failed, or `check` found something; 2 wrong flags; 3 no such node or cluster; 4 "
    "no "
    "answer in\n"
    "time; 130 interrupted.\n";

constexpr std::string_view kOldEpilogue =
    "\nFor check, fix, reshard, del-node, set-timeout, info, rebalance, call, import, backup you can specify "
    "the "
    "host and\n"
    "port of any working node in the cluster.\n"
    "\n"
    "Every command also takes:\n";

std::string program_of(Spelling spelling) {
  if (spelling == Spelling::kRedisTrib) return "redis-trib";
  return spelling == Spelling::kRedisCli ? "keyway --cluster" : "keyway cluster";
}

// "-y, --yes", "--cluster-slave | --cluster-replica".
std::string spellings_of(const ToolOption& option, Spelling spelling) {
  std::string text;
  for (std::string_view spelled : option.spelled(spelling)) {
    if (!text.empty()) text += spelling == Spelling::kOwn ? ", " : " | ";
    text += spelled;
  }
  if (!option.value.empty() && !text.empty()) text += fmt::format(" {}", option.value);
  return text;
}

std::string option_lines(const std::vector<std::string_view>& names, Spelling spelling) {
  constexpr size_t kColumn = 30;
  std::string text;
  for (std::string_view name : names) {
    const ToolOption& option = tool_option_named(name);
    std::string left = spellings_of(option, spelling);
    if (left.empty()) continue;
    text += left.size() > kColumn ? fmt::format("  {}\n  {:<30}  {}\n", left, "", option.help)
                                  : fmt::format("  {:<30}  {}\n", left, option.help);
  }
  return text;
}

std::string old_help(Spelling spelling) {
  std::string text =
      fmt::format("Usage: {} COMMAND ARGUMENTS [options]\n\nCommands:\n", program_of(spelling));
  for (const ToolCommand& command : tool_commands()) {
    text += fmt::format("  {:<14} {}\n", command.name, command.old_words);
    for (std::string_view name : command.options) {
      std::string option = spellings_of(tool_option_named(name), spelling);
      if (!option.empty()) text += fmt::format("  {:<14} {}\n", "", option);
    }
  }
  text += "  help\n";
  return text + std::string(kOldEpilogue) + option_lines(common_tool_options(), spelling);
}

}  // namespace

std::string tool_help(Spelling spelling) {
  if (spelling != Spelling::kOwn) return old_help(spelling);
  std::string text(kOwnIntroduction);
  for (const ToolCommand& command : tool_commands())
    text += fmt::format("  {:<13}{}\n", command.name, command.summary);
  return text + std::string(kOwnEpilogue);
}

std::string tool_command_help(const ToolCommand& command, Spelling spelling) {
  std::string_view words = spelling == Spelling::kOwn ? command.words : command.old_words;
  // What follows "--" is another command, so flags of our own come before it.
  size_t tail = std::min(words.find(" --"), words.size());
  bool ends = words.substr(tail).starts_with(" -- ");
  std::string text =
      ends ? fmt::format("{}.\n\nUsage: {} {} {} [flags]{}\n", command.summary, program_of(spelling),
                         command.name, words.substr(0, tail), words.substr(tail))
           : fmt::format("{}.\n\nUsage: {} {} {} [flags]\n", command.summary, program_of(spelling),
                         command.name, words);
  if (std::string options = option_lines(command.options, spelling); !options.empty())
    text += fmt::format("\nFlags:\n{}", options);
  text += fmt::format("\nFlags of every command:\n{}", option_lines(common_tool_options(), spelling));
  if (!command.details.empty()) text += fmt::format("\n{}", command.details);
  return text;
}

}  // namespace keyway::cli
