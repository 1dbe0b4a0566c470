// What may come next on a command line, and the scripts that ask for it in a shell.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keyway::cli {

// What a shell offers: a word, and what it means (may be empty).
struct Candidate {
  std::string word;
  std::string meaning;
};

struct Candidates {
  std::vector<Candidate> words;
  bool files = false;  // the names of files too
};

// The names that are known on this machine. Each may be asked once a completion; an empty cluster is the only
// one there is.
class KnownNames {
 public:
  virtual ~KnownNames() = default;
  virtual std::vector<std::string> clusters() = 0;
  virtual std::vector<std::string> shards(const std::string& cluster) = 0;
  virtual std::vector<std::string> nodes(const std::string& cluster) = 0;
  virtual std::vector<std::string> users(const std::string& cluster) = 0;
};

// `words` come after the program's name; the last one is being typed and may be empty.
Candidates complete(const std::vector<std::string>& words, KnownNames& known);

// One candidate a line, "WORD<tab>MEANING"; the line ":files" asks the shell for files.
std::string to_lines(const Candidates& candidates);

// The script for "bash" or "zsh". It asks the program itself (`keyway __complete …`), so it never needs a
// change.
std::string_view completion_script(std::string_view shell);

}  // namespace keyway::cli
