#include "cli/cluster/words.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/format.h"
#include "cli/values.h"

namespace keyway::cli {

namespace {

bool is_number(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && std::isdigit(static_cast<unsigned char>(word[1])) != 0;
}

bool looks_like_option(std::string_view word) { return word.size() > 1 && word[0] == '-'; }

// Goes through the words once.
class Sorter {
 public:
  Sorter(const ToolCommand& command, Spelling spelling, const std::vector<std::string>& words)
      : words_(words) {
    sorted_.command = &command;
    sorted_.spelling = spelling;
  }

  Result<ToolWords> sort() {
    while (at_ < words_.size()) {
      if (words_[at_] == "--") {
        sorted_.positionals.insert(sorted_.positionals.end(),
                                   words_.begin() + static_cast<std::ptrdiff_t>(at_) + 1, words_.end());
        break;
      }
      if (Status taken = take_word(); !taken) return fail(taken.error());
    }
    return std::move(sorted_);
  }

 private:
  // Whether the command that `call` sends has begun: its arguments may look like anything.
  bool in_call() const { return sorted_.command->name == "call" && sorted_.positionals.size() > 1; }

  const ToolOption* option_spelled(std::string_view word) const {
    return tool_option_spelled(*sorted_.command, sorted_.spelling, word);
  }

  Status take_word();
  Status take_option(const ToolOption& option, std::string spelling, std::optional<std::string> value);
  Status take_values(const ToolOption& option, GivenOption& given);
  tl::unexpected<Error> unknown(std::string_view word) const;

  const std::vector<std::string>& words_;
  size_t at_ = 0;
  ToolWords sorted_;
};

Status Sorter::take_word() {
  const std::string& word = words_[at_++];
  bool value_of_call = in_call() && is_number(word);
  const ToolOption* exact = looks_like_option(word) ? option_spelled(word) : nullptr;
  if (!looks_like_option(word) || (value_of_call && exact == nullptr)) {
    sorted_.positionals.push_back(word);
    return {};
  }
  if (exact != nullptr) return take_option(*exact, word, std::nullopt);
  size_t equals = word.find('=');
  const ToolOption* option =
      equals == std::string::npos ? nullptr : option_spelled(std::string_view(word).substr(0, equals));
  if (option == nullptr) return unknown(word);
  return take_option(*option, word.substr(0, equals), word.substr(equals + 1));
}

Status Sorter::take_option(const ToolOption& option, std::string spelling, std::optional<std::string> value) {
  GivenOption& given = sorted_.options[option.name];
  bool again = !given.spelling.empty();
  given.spelling = std::move(spelling);
  if (option.value.empty()) {
    if (value) return tool_misuse(sorted_, fmt::format("{} takes no value", given.spelling));
    return {};
  }
  if (again && !option.many) {
    return tool_misuse(sorted_, fmt::format("{} is given twice; give it once", given.spelling));
  }
  if (value) {
    given.values.push_back(std::move(*value));
    return {};
  }
  return take_values(option, given);
}

Status Sorter::take_values(const ToolOption& option, GivenOption& given) {
  if (at_ == words_.size() || option_spelled(words_[at_]) != nullptr) {
    return tool_misuse(sorted_,
                       fmt::format("{} needs a value: {} {}", given.spelling, given.spelling, option.value));
  }
  given.values.push_back(words_[at_++]);
  // redis-cli's --cluster-weight takes all pairs that follow.
  while (option.name == "weight" && at_ < words_.size() && !looks_like_option(words_[at_]) &&
         words_[at_].find('=') != std::string::npos) {
    given.values.push_back(words_[at_++]);
  }
  return {};
}

// The command to which an option belongs that this one does not have; empty: none.
std::string_view owner_of(std::string_view word, Spelling spelling) {
  for (const ToolCommand& other : tool_commands()) {
    if (tool_option_spelled(other, spelling, word) != nullptr) return other.name;
  }
  return "";
}

tl::unexpected<Error> Sorter::unknown(std::string_view word) const {
  std::string_view name = word.substr(0, word.find('='));
  std::string_view command = sorted_.command->name;
  if (std::string_view owner = owner_of(name, sorted_.spelling); !owner.empty()) {
    return tool_misuse(sorted_,
                       fmt::format("{} has no meaning for {}; it belongs to {}", name, command, owner));
  }
  std::vector<std::string_view> known;
  for (const auto* names : {&sorted_.command->options, &common_tool_options()}) {
    for (std::string_view option : *names) {
      for (std::string_view spelling : tool_option_named(option).spelled(sorted_.spelling))
        known.push_back(spelling);
    }
  }
  std::string_view meant = nearest(name, known);
  std::string hint = meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant);
  if (in_call() && meant.empty()) hint = "; put -- before the command if it is part of that";
  return tool_misuse(sorted_, fmt::format("{}: {} has no such option{}", name, command, hint));
}

}  // namespace

std::string ToolWords::text(std::string_view name) const {
  auto found = options.find(name);
  return found == options.end() || found->second.values.empty() ? std::string{}
                                                                : found->second.values.front();
}

std::string ToolWords::spelled(std::string_view name) const {
  auto found = options.find(name);
  if (found != options.end()) return found->second.spelling;
  std::vector<std::string_view> spellings = tool_option_named(name).spelled(spelling);
  return std::string(spellings.empty() ? name : spellings.front());
}

Result<ToolWords> sort_tool_words(const ToolCommand& command, Spelling spelling,
                                  const std::vector<std::string>& words) {
  return Sorter(command, spelling, words).sort();
}

std::string help_command(Spelling spelling, std::string_view command) {
  if (spelling == Spelling::kRedisTrib) return "redis-trib help";
  if (spelling == Spelling::kRedisCli) return "keyway --cluster help";
  return fmt::format("keyway cluster {} --help", command);
}

tl::unexpected<Error> tool_misuse(const ToolWords& words, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}; `{}` shows how", what, help_command(words.spelling, words.command->name)));
}

}  // namespace keyway::cli
