// The parts of parse.cc: what is common to all commands, and each command's own. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/cluster/option_values.h"
#include "cli/cluster/request.h"
#include "cli/cluster/words.h"
#include "cli/values.h"

namespace keyway::cli {

// Reads the value of an option, if it was given, with `read(spelling, text)` into `target`.
template <typename Target, typename Read>
Status take(const ToolWords& words, std::string_view name, Target& target, Read read) {
  if (!words.has(name)) return {};
  auto value = read(words.spelled(name), words.text(name));
  if (!value) return tl::unexpected<Error>(value.error());
  target = *value;
  return {};
}

inline auto whole_number(int least, int most) {
  return [least, most](std::string_view flag, std::string_view text) {
    return number_value(flag, text, least, most);
  };
}

// How servers are reached.
Result<Access> take_access(const ToolWords& words);
// Of an import's source.
Result<Login> take_source_login(const ToolWords& words);

// The server that comes first, with `rest` words after it (or more). Takes it away from the positionals.
Result<Seed> take_seed(ToolWords& words, size_t rest);

// What is to be done, with seed.
Status take_request(ToolWords& words, ToolInvocation& tool);

}  // namespace keyway::cli
