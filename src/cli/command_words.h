// The words of one command, sorted into flags and the rest, before their meaning is looked at. Values; any
// thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/grammar.h"
#include "cli/values.h"

namespace keyway::cli {

struct Words {
  const CommandSyntax* syntax = nullptr;
  std::map<std::string_view, std::string> flags;  // by Flag::name
  std::vector<std::string> positionals;
  std::vector<std::string> program;  // after "--"

  bool has(std::string_view name) const { return flags.contains(name); }
  std::string text(std::string_view name) const {
    auto found = flags.find(name);
    return found == flags.end() ? std::string{} : found->second;
  }
};

// By what the command's syntax allows. kInvalidArgument.
Result<Words> sort_words(const CommandSyntax& syntax, std::vector<std::string> words);

// kInvalidArgument, and where help is.
tl::unexpected<Error> misuse(const CommandSyntax& syntax, std::string_view what);

// NAME may come first or be left out: with `wanted` words after it. Gives the cluster's name; leaves `wanted`
// words.
Result<std::string> take_cluster(Words& words, size_t wanted, bool fewer_allowed = false);

// Reads the value of a flag, if it was given, with `read` into `target`.
template <typename Target, typename Read>
Status take(const Words& words, std::string_view name, Target& target, Read read) {
  if (!words.has(name)) return {};
  auto value = read(flag_named(name).long_spelling(), words.text(name));
  if (!value) return fail(value.error());
  target = *value;
  return {};
}

// For take(): a whole number of [least, most].
inline auto number(int least, int most) {
  return [least, most](std::string_view flag, const std::string& text) {
    return number_value(flag, text, least, most);
  };
}

}  // namespace keyway::cli
