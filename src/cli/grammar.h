// The commands and flags of the program as data: what arguments.cc parses, help.cc prints and completion.cc
// offers comes from these tables alone. Constant; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keyway::cli {

// What a word on the command line stands for, as far as completion needs to know.
enum class Word { kNone, kFile, kFolder, kCluster, kShard, kNode, kUser, kShell, kMode, kEngine, kReads };

struct Flag {
  std::string_view name;      // "shards": the key under which the parser keeps its value
  std::string_view spelling;  // "-f,--file"; the long one last
  std::string_view value;     // what the help calls its value; empty: a switch
  Word word = Word::kNone;    // what its value is
  std::string_view help;

  std::string_view long_spelling() const;   // "--file"
  std::string_view short_spelling() const;  // "-f", or empty
};

struct CommandSyntax {
  std::string_view name;
  std::string_view positionals;  // "[NAME] SHARD", as the help shows them
  std::vector<Word> words;       // what they are, in order; [NAME] first
  std::string_view summary;      // one line
  std::string_view group;        // heading in the list of commands; empty: hidden
  std::vector<std::string_view> flags;
  std::string_view details;  // further paragraphs of its help
};

const std::vector<Flag>& all_flags();
const std::vector<CommandSyntax>& all_commands();
// Those of all_commands() and all_flags() that have to do with Kubernetes.
std::vector<CommandSyntax> kubernetes_commands();
std::vector<Flag> kubernetes_flags();
// Those of `keyway restore`.
std::vector<CommandSyntax> restore_commands();
std::vector<Flag> restore_flags();

// Requires that there is such a flag.
const Flag& flag_named(std::string_view name);
// Null if there is none.
const CommandSyntax* command_named(std::string_view name);

// The words of a command line, where a command's name of two words, "proxy top", has become one.
std::vector<std::string> join_command_name(std::vector<std::string> words);

}  // namespace keyway::cli
