#include "cli/command_words.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::cli {

namespace {

tl::unexpected<Error> unknown_flag(const CommandSyntax& syntax, std::string_view word) {
  std::vector<std::string_view> known = {"--help"};
  for (std::string_view name : syntax.flags) known.push_back(flag_named(name).long_spelling());
  std::string_view meant = nearest(word.substr(0, word.find('=')), known);
  std::string hint = meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant);
  return misuse(syntax, fmt::format("{}: keyway {} has no such flag{}", word, syntax.name, hint));
}

// The value of --proxy may be left out: a word of digits after it is one, since names begin with a letter.
void complete_proxy_flag(std::vector<std::string>& words) {
  for (auto word = std::ranges::find(words, "--proxy"); word != words.end();
       word = std::ranges::find(words, "--proxy")) {
    auto next = word + 1;
    bool given = next != words.end() && parse_uint(*next).has_value();
    *word += "=" + (given ? *next : "0");
    if (given) words.erase(next);
  }
}

}  // namespace

tl::unexpected<Error> misuse(const CommandSyntax& syntax, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}; `keyway {} --help` shows how", what, syntax.name));
}

Result<Words> sort_words(const CommandSyntax& syntax, std::vector<std::string> words) {
  Words sorted;
  sorted.syntax = &syntax;
  auto dashes = std::ranges::find(words, "--");
  if (syntax.name == "exec" && dashes != words.end()) {
    sorted.program.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
  }
  if (syntax.name == "up") complete_proxy_flag(words);
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.add_option("words", sorted.positionals);
  std::vector<std::string_view> names = syntax.flags;
  names.push_back("help");
  for (std::string_view name : names) {
    const Flag& flag = flag_named(name);
    std::string spelling(flag.spelling);
    if (flag.value.empty()) {
      app.add_flag_callback(spelling, [&sorted, name] { sorted.flags[name] = "true"; });
    } else {
      app.add_option_function<std::string>(
          spelling, [&sorted, name](const std::string& value) { sorted.flags[name] = value; });
    }
  }
  try {
    std::ranges::reverse(words);
    app.parse(std::move(words));
  } catch (const CLI::ArgumentMismatch& error) {
    std::string_view what = error.what();
    std::string_view flag = what.substr(0, what.find(':'));
    return misuse(syntax, fmt::format("{} needs one value", flag));
  } catch (const CLI::ParseError& error) {
    return misuse(syntax, error.what());
  }
  if (std::vector<std::string> unknown = app.remaining(); !unknown.empty())
    return unknown_flag(syntax, unknown.front());
  return sorted;
}

Result<std::string> take_cluster(Words& words, size_t wanted, bool fewer_allowed) {
  std::vector<std::string>& given = words.positionals;
  if (given.size() > wanted + 1) {
    return misuse(*words.syntax, fmt::format("\"{}\" is one word too many", given[wanted + 1]));
  }
  std::string name;
  if (given.size() == wanted + 1) {
    name = given.front();
    given.erase(given.begin());
  }
  if (given.size() < wanted && !fewer_allowed) {
    return misuse(*words.syntax,
                  fmt::format("keyway {} needs {}", words.syntax->name, words.syntax->positionals));
  }
  std::string flag = words.text("cluster");
  if (!flag.empty() && !name.empty() && flag != name) {
    return misuse(*words.syntax,
                  fmt::format("--cluster {} and {} name two clusters; give one of them", flag, name));
  }
  return flag.empty() ? name : flag;
}

}  // namespace keyway::cli
