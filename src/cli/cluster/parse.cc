#include "cli/cluster/parse.h"

#include <algorithm>

#include "base/format.h"
#include "cli/cluster/parse_parts.h"
#include "cli/cluster/usage.h"

namespace keyway::cli {

namespace {

bool asks_for_help(const std::string& word) { return word == "help" || word == "--help" || word == "-h"; }

tl::unexpected<Error> unknown_tool_command(Spelling spelling, const std::string& word) {
  std::vector<std::string_view> names;
  for (const ToolCommand& command : tool_commands()) names.push_back(command.name);
  std::string help = spelling == Spelling::kOwn ? "keyway cluster --help" : help_command(spelling, "");
  if (word.starts_with('-')) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: options come after the command; `{}` lists all commands", word, help));
  }
  std::string_view meant = nearest(word, names);
  std::string hint = meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: the cluster tool has no such command{}; `{}` lists all", word, hint, help));
}

Result<Invocation> parse_command(Spelling spelling, const std::string& name,
                                 const std::vector<std::string>& words) {
  const ToolCommand* command = tool_command_named(name);
  if (command == nullptr) return unknown_tool_command(spelling, name);
  Result<ToolWords> sorted = sort_tool_words(*command, spelling, words);
  if (!sorted) return fail(sorted.error());
  if (sorted->has("help")) return Invocation{HelpCommand{tool_command_help(*command, spelling)}};
  ToolInvocation tool;
  tool.spelling = spelling;
  tool.yes = sorted->has("yes");
  Result<Access> access = take_access(*sorted);
  if (!access) return fail(access.error());
  tool.access = *std::move(access);
  if (Status taken = take_request(*sorted, tool); !taken) return fail(taken.error());
  return Invocation{std::move(tool), sorted->has("json")};
}

// `keyway -a PASSWORD --cluster check HOST:PORT --cluster-…`: general options come before or after.
Result<Invocation> parse_redis_cli(const std::vector<std::string>& words) {
  auto at = std::ranges::find(words, "--cluster");
  if (at + 1 == words.end()) {
    return fail(ErrorCode::kInvalidArgument,
                "--cluster needs a command, such as check; `keyway --cluster help` lists them");
  }
  const std::string& name = at[1];
  if (asks_for_help(name)) return Invocation{HelpCommand{tool_help(Spelling::kRedisCli)}};
  std::vector<std::string> rest(words.begin(), at);
  rest.insert(rest.end(), at + 2, words.end());
  return parse_command(Spelling::kRedisCli, name, rest);
}

}  // namespace

Result<Invocation> parse_tool(Spelling spelling, const std::vector<std::string>& words) {
  if (spelling == Spelling::kRedisCli) return parse_redis_cli(words);
  if (words.empty() || (asks_for_help(words[0]) && words.size() == 1)) {
    return Invocation{HelpCommand{tool_help(spelling)}};
  }
  bool help = words[0] == "help";
  const std::string& name = help ? words[1] : words[0];
  if (help && tool_command_named(name) != nullptr) {
    return Invocation{HelpCommand{tool_command_help(*tool_command_named(name), spelling)}};
  }
  return parse_command(spelling, name, {words.begin() + 1, words.end()});
}

bool is_redis_cli_spelling(const std::vector<std::string>& words) {
  return !words.empty() && words.front().starts_with('-') &&
         std::ranges::find(words, "--cluster") != words.end();
}

bool is_redis_trib(std::string_view program) {
  std::string_view name = program.substr(program.rfind('/') + 1);
  return name == "redis-trib" || name == "redis-trib.rb";
}

}  // namespace keyway::cli
