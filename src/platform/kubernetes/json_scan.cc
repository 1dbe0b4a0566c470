#include "platform/kubernetes/json_scan.h"

#include <nlohmann/json.hpp>

namespace keyway::platform::kubernetes {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// Walks through JSON text from the left.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Takes blanks and `c`, if it comes next.
  bool take(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // The value that comes next: a string with its quotes, a bracket with all up to its end, or a word. Empty:
  // none does.
  std::string_view value() {
    skip_blanks();
    size_t begin = at_;
    if (at_ >= text_.size()) return {};
    char c = text_[at_];
    bool whole = c == '"' ? skip_string() : c == '{' || c == '[' ? skip_brackets() : skip_word();
    return whole ? text_.substr(begin, at_ - begin) : std::string_view();
  }
  bool at_end() {
    skip_blanks();
    return at_ >= text_.size();
  }

 private:
  void skip_blanks() {
    size_t next = text_.find_first_not_of(kBlanks, at_);
    at_ = next == std::string_view::npos ? text_.size() : next;
  }
  bool skip_string() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '"') {
        ++at_;
        return true;
      }
    }
    return false;
  }
  bool skip_brackets() {
    size_t depth = 0;
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '"') {
        if (!skip_string()) return false;
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
      if (depth == 0) return true;
    }
    return false;
  }
  bool skip_word() {
    size_t begin = at_;
    size_t end = text_.find_first_of(",:]}[{\" \t\r\n", at_);
    at_ = end == std::string_view::npos ? text_.size() : end;
    return at_ > begin;
  }

  std::string_view text_;
  size_t at_ = 0;
};

Status bad(std::string_view what) { return fail(ErrorCode::kCorrupt, std::string(what)); }

}  // namespace

Status for_each_member(std::string_view text,
                       const std::function<Status(std::string_view name, std::string_view value)>& take) {
  Scanner scanner(text);
  if (!scanner.take('{')) return bad("it is no JSON object");
  if (scanner.take('}')) return scanner.at_end() ? Status() : bad("more follows the JSON object");
  do {
    std::string_view name = scanner.value();
    if (name.size() < 2 || name.front() != '"' || !scanner.take(':'))
      return bad("a member of it has no name");
    std::string_view value = scanner.value();
    if (value.empty()) return bad("a member of it has no value");
    if (Status taken = take(name.substr(1, name.size() - 2), value); !taken) return taken;
  } while (scanner.take(','));
  if (!scanner.take('}') || !scanner.at_end()) return bad("the JSON object has no end");
  return {};
}

Status for_each_element(std::string_view text, const std::function<Status(std::string_view value)>& take) {
  Scanner scanner(text);
  if (!scanner.take('[')) return bad("it is no JSON list");
  if (scanner.take(']')) return scanner.at_end() ? Status() : bad("more follows the JSON list");
  do {
    std::string_view value = scanner.value();
    if (value.empty()) return bad("an element of it is none");
    if (Status taken = take(value); !taken) return taken;
  } while (scanner.take(','));
  if (!scanner.take(']') || !scanner.at_end()) return bad("the JSON list has no end");
  return {};
}

std::string_view find_json(std::string_view text, std::string_view path) {
  while (!path.empty()) {
    size_t dot = path.find('.');
    std::string_view name = path.substr(0, dot);
    path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
    std::string_view found;
    (void)for_each_member(text, [&](std::string_view member, std::string_view value) {
      if (member == name && found.empty()) found = value;
      return Status();
    });
    text = found;
  }
  return text;
}

std::string json_string(std::string_view value) {
  auto json = nlohmann::json::parse(value.begin(), value.end(), nullptr, /*allow_exceptions=*/false);
  return json.is_string() ? json.get<std::string>() : std::string();
}

}  // namespace keyway::platform::kubernetes
