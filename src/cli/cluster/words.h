// The words of one command of the cluster tool, sorted into options and the rest before their meaning is
// looked at. Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/cluster/grammar.h"

namespace keyway::cli {

// One option as it was given.
struct GivenOption {
  std::string spelling;             // as the user wrote it, for errors
  std::vector<std::string> values;  // none for a switch
};

struct ToolWords {
  const ToolCommand* command = nullptr;
  Spelling spelling = Spelling::kOwn;
  std::map<std::string_view, GivenOption> options;  // by ToolOption::name
  std::vector<std::string> positionals;

  bool has(std::string_view name) const { return options.contains(name); }
  // The value of an option that is given once; empty if it is not given.
  std::string text(std::string_view name) const;
  // As the user wrote it, or as one would write it.
  std::string spelled(std::string_view name) const;
};

// `words` are those beside the command's name. What follows "--" are no options. kInvalidArgument: an option
// that is unknown (with the one that was probably meant), of another command, without its value, or given
// twice.
Result<ToolWords> sort_tool_words(const ToolCommand& command, Spelling spelling,
                                  const std::vector<std::string>& words);

// "…; `keyway cluster check --help` shows how".
tl::unexpected<Error> tool_misuse(const ToolWords& words, std::string_view what);

// What to type for help: "keyway cluster check --help".
std::string help_command(Spelling spelling, std::string_view command);

}  // namespace keyway::cli
