#include "cli/cluster/tool_completion.h"

#include <algorithm>

#include "cli/cluster/grammar.h"

namespace keyway::cli {

namespace {

void offer(Candidates& candidates, std::string_view typed, std::string_view word, std::string_view meaning) {
  if (word.starts_with(typed)) candidates.words.push_back({std::string(word), std::string(meaning)});
}

void offer_clusters(Candidates& candidates, std::string_view typed, KnownNames& known) {
  for (const std::string& name : known.clusters()) offer(candidates, typed, name, "cluster");
}

// The long spelling, which says what it means.
std::string_view longest(const std::vector<std::string_view>& spellings) {
  auto found = std::ranges::find_if(spellings, [](std::string_view word) { return word.starts_with("--"); });
  return found == spellings.end() ? std::string_view{} : *found;
}

void offer_options(Candidates& candidates, const ToolCommand& command, Spelling spelling,
                   const std::vector<const ToolOption*>& given, std::string_view typed) {
  for (const auto* names : {&command.options, &common_tool_options()}) {
    for (std::string_view name : *names) {
      const ToolOption& option = tool_option_named(name);
      std::string_view spelled = longest(option.spelled(spelling));
      bool again = !option.many && std::ranges::find(given, &option) != given.end();
      if (!spelled.empty() && !again) offer(candidates, typed, spelled, option.help);
    }
  }
}

}  // namespace

Candidates complete_tool(Spelling spelling, const std::vector<std::string>& words, KnownNames& known) {
  Candidates candidates;
  std::string_view typed = words.empty() ? std::string_view{} : std::string_view(words.back());
  if (words.size() <= 1) {
    for (const ToolCommand& command : tool_commands())
      offer(candidates, typed, command.name, command.summary);
    return candidates;
  }
  const ToolCommand* command = tool_command_named(words.front());
  if (command == nullptr) return candidates;
  std::vector<const ToolOption*> given;
  const ToolOption* open = nullptr;  // waits for its value
  size_t positionals = 0;
  for (size_t i = 1; i + 1 < words.size(); ++i) {
    if (words[i] == "--") return candidates;
    const ToolOption* option = open == nullptr ? tool_option_spelled(*command, spelling, words[i]) : nullptr;
    if (option != nullptr) given.push_back(option);
    if (option == nullptr && open == nullptr) ++positionals;
    open = option != nullptr && !option->value.empty() ? option : nullptr;
  }
  if (open != nullptr) {
    candidates.files = open->word == Word::kFile || open->word == Word::kFolder;
    if (open->word == Word::kCluster) offer_clusters(candidates, typed, known);
  } else if (typed.starts_with('-')) {
    offer_options(candidates, *command, spelling, given, typed);
  } else if (positionals == 0 && command->name != "create") {
    offer_clusters(candidates, typed, known);
  } else if (command->name == "backup") {
    candidates.files = true;
  }
  return candidates;
}

}  // namespace keyway::cli
