#include "cli/completion.h"

#include <algorithm>

#include "base/format.h"
#include "cli/cluster/tool_completion.h"
#include "cli/grammar.h"

namespace keyway::cli {

namespace {

constexpr std::string_view kBashScript = R"(# Completion of keyway for bash: source <(keyway completion bash)
_keyway() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == ":files" ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
    else
      COMPREPLY+=("${line%%$'\t'*}")
    fi
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _keyway keyway
)";

constexpr std::string_view kZshScript = R"(#compdef keyway
# Completion of keyway for zsh: source <(keyway completion zsh)
_keyway() {
  local line word meaning
  local -a described
  for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == ":files" ]]; then
      _files
    elif [[ -n $line ]]; then
      word=${line%%$'\t'*}
      meaning=${line#*$'\t'}
      [[ $meaning == $line ]] && meaning=""
      described+=("${word//:/\\:}${meaning:+:$meaning}")
    fi
  done
  (( ${#described} )) && _describe keyway described
}
compdef _keyway keyway
)";

void offer(Candidates& candidates, std::string_view typed, std::string_view word,
           std::string_view meaning = "") {
  if (word.starts_with(typed)) candidates.words.push_back({std::string(word), std::string(meaning)});
}

// The command line before the word that is being typed.
struct Typed {
  const CommandSyntax* command = nullptr;
  std::string cluster;  // of --cluster
  std::vector<std::string> positionals;
  std::vector<const Flag*> flags;  // given
  const Flag* open = nullptr;      // a flag that waits for its value
};

const Flag* flag_spelled(const CommandSyntax& command, std::string_view word) {
  for (std::string_view name : command.flags) {
    const Flag& flag = flag_named(name);
    if (word == flag.long_spelling() || word == flag.short_spelling()) return &flag;
  }
  return nullptr;
}

Typed read_words(const CommandSyntax& command, const std::vector<std::string>& words) {
  Typed typed;
  typed.command = &command;
  for (size_t i = 1; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (typed.open != nullptr) {
      if (typed.open->name == "cluster") typed.cluster = word;
      typed.open = nullptr;
      continue;
    }
    const Flag* flag = flag_spelled(command, word);
    if (flag != nullptr) {
      typed.flags.push_back(flag);
      if (!flag->value.empty()) typed.open = flag;
    } else if (!word.starts_with('-')) {
      typed.positionals.push_back(word);
    }
  }
  return typed;
}

void offer_names(Candidates& candidates, std::string_view typed, const std::vector<std::string>& names,
                 std::string_view meaning) {
  for (const std::string& name : names) offer(candidates, typed, name, meaning);
}

void offer_kind(Candidates& candidates, Word kind, std::string_view typed, const std::string& cluster,
                KnownNames& known) {
  switch (kind) {
    case Word::kNone:
      return;
    case Word::kFile:
    case Word::kFolder:
      candidates.files = true;
      return;
    case Word::kCluster:
      return offer_names(candidates, typed, known.clusters(), "cluster");
    case Word::kShard:
      return offer_names(candidates, typed, known.shards(cluster), "shard");
    case Word::kNode:
      return offer_names(candidates, typed, known.nodes(cluster), "node");
    case Word::kUser:
      return offer_names(candidates, typed, known.users(cluster), "user");
    case Word::kShell:
      return offer_names(candidates, typed, {"bash", "zsh"}, "");
    case Word::kMode:
      return offer_names(candidates, typed, {"sharded", "replicated"}, "");
    case Word::kReads:
      return offer_names(candidates, typed, {"primary", "prefer-replica", "nearest"}, "");
    case Word::kEngine:
      offer_names(candidates, typed, {"redis", "valkey"}, "");
      candidates.files = true;
      return;
  }
}

void offer_positionals(Candidates& candidates, const Typed& typed, std::string_view word, KnownNames& known) {
  const std::vector<Word>& kinds = typed.command->words;
  size_t at = typed.positionals.size();
  if (at >= kinds.size()) return;
  offer_kind(candidates, kinds[at], word,
             typed.cluster.empty() && at > 0 ? typed.positionals[0] : typed.cluster, known);
  // The cluster's name may be left out, so what comes after it may come at once.
  if (at == 0 && kinds.size() > 1) offer_kind(candidates, kinds[1], word, typed.cluster, known);
}

void offer_flags(Candidates& candidates, const Typed& typed, std::string_view word) {
  for (std::string_view name : typed.command->flags) {
    const Flag& flag = flag_named(name);
    if (std::ranges::find(typed.flags, &flag) == typed.flags.end())
      offer(candidates, word, flag.long_spelling(), flag.help);
  }
  offer(candidates, word, "--help", flag_named("help").help);
}

}  // namespace

Candidates complete(const std::vector<std::string>& words, KnownNames& known) {
  Candidates candidates;
  std::string_view word = words.empty() ? std::string_view{} : std::string_view(words.back());
  if (words.size() <= 1) {
    for (const CommandSyntax& command : all_commands()) {
      bool is_one_word = command.name.find(' ') == std::string_view::npos;
      if (!command.group.empty() && is_one_word) offer(candidates, word, command.name, command.summary);
    }
    return candidates;
  }
  if (words.size() == 2) {
    std::string first = words.front() + " ";
    for (const CommandSyntax& command : all_commands()) {
      if (command.name.starts_with(first))
        offer(candidates, word, command.name.substr(first.size()), command.summary);
    }
  } else if (std::vector<std::string> joined = join_command_name(words); joined.size() < words.size()) {
    return complete(joined, known);
  }
  for (auto [word_of, spelling] :
       {std::pair{"cluster", Spelling::kOwn}, std::pair{"--cluster", Spelling::kRedisCli}}) {
    if (words.front() == word_of) return complete_tool(spelling, {words.begin() + 1, words.end()}, known);
  }
  const CommandSyntax* command = command_named(words.front());
  if (command == nullptr || command->group.empty()) return candidates;
  if (std::find(words.begin(), words.end() - 1, "--") != words.end() - 1) return candidates;
  Typed typed = read_words(*command, words);
  if (typed.open != nullptr) {
    bool named = typed.cluster.empty() && !typed.positionals.empty() &&
                 typed.positionals.size() == command->words.size();
    offer_kind(candidates, typed.open->word, word, named ? typed.positionals[0] : typed.cluster, known);
  } else if (word.starts_with('-')) {
    offer_flags(candidates, typed, word);
  } else {
    offer_positionals(candidates, typed, word, known);
    if (word.empty() && candidates.words.empty()) offer_flags(candidates, typed, word);
  }
  return candidates;
}

std::string to_lines(const Candidates& candidates) {
  std::string text;
  for (const Candidate& candidate : candidates.words) {
    text += candidate.meaning.empty() ? candidate.word + "\n"
                                      : fmt::format("{}\t{}\n", candidate.word, candidate.meaning);
  }
  if (candidates.files) text += ":files\n";
  return text;
}

std::string_view completion_script(std::string_view shell) {
  return shell == "zsh" ? kZshScript : kBashScript;
}

}  // namespace keyway::cli
