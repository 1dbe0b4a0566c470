// to_yaml of value.h, in the layout that Kubernetes's own documents have: lists at their field's indentation,
// texts of several lines as blocks.
#include <algorithm>
#include <array>

#include "base/json_quote.h"
#include "base/strings.h"
#include "platform/kubernetes/value.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr size_t kMaxFlowWidth = 96;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Words that YAML 1.1 readers take for something else than a text.
bool is_reserved(std::string_view text) {
  constexpr std::array<std::string_view, 10> kWords = {"true", "false", "null", "yes", "no",
                                                       "on",   "off",   "y",    "n",   "nan"};
  const std::string lower = to_lower(text);
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

// Whether a text may stand without quotes: it begins with a letter or a path's slash, and has no sign in it
// that YAML knows.
bool is_plain(std::string_view text) {
  if (text.empty() || is_reserved(text)) return false;
  if (!is_letter(text.front()) && text.front() != '/') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view("-_./").find(c) != std::string_view::npos;
  });
}

// Whether a text reads well, and back as it is, as a block of lines.
bool is_block(std::string_view text) {
  if (text.size() < 2 || text.back() != '\n' || text[text.size() - 2] == '\n') return false;
  if (text.front() == ' ' || text.front() == '\n') return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c < 0x7f); });
}

std::string scalar(const Value& value) {
  if (value.kind() != Value::Kind::kText) return value.text();
  return is_plain(value.text()) ? value.text() : json_quote(value.text());
}

bool is_scalar(const Value& value) {
  return value.kind() != Value::Kind::kList && value.kind() != Value::Kind::kMap;
}

// A list of short words on one line, or nothing if it is none.
std::string flow(const Value& value) {
  if (value.items().empty()) return value.kind() == Value::Kind::kMap ? "{}" : "[]";
  if (value.kind() == Value::Kind::kMap) return "";
  std::string out = "[";
  for (const Value& item : value.items()) {
    if (!is_scalar(item)) return "";
    if (out.size() > 1) out += ", ";
    out += scalar(item);
  }
  return out.size() < kMaxFlowWidth ? out + "]" : "";
}

void write_block(std::string& out, std::string_view text, const std::string& indent) {
  out += "|\n";
  text.remove_suffix(1);
  for (std::string_view line : split(text, '\n')) {
    if (!line.empty()) out.append(indent).append(line);
    out += '\n';
  }
}

void write(std::string& out, const Value& value, const std::string& indent);

// What comes behind "name:" or "-". A list of a field stands at the field's own indentation.
void write_after(std::string& out, const Value& value, const std::string& indent, bool in_list) {
  const std::string inner = indent + "  ";
  if (is_scalar(value)) {
    out += ' ';
    if (value.kind() == Value::Kind::kText && is_block(value.text()))
      return write_block(out, value.text(), inner);
    out += scalar(value) + "\n";
    return;
  }
  if (const std::string line = flow(value); !line.empty()) {
    out += " " + line + "\n";
    return;
  }
  if (in_list) {
    // The first line goes on where the dash is.
    std::string item;
    write(item, value, inner);
    out += " " + item.substr(inner.size());
    return;
  }
  out += '\n';
  write(out, value, value.kind() == Value::Kind::kList ? indent : inner);
}

void write(std::string& out, const Value& value, const std::string& indent) {
  const bool map = value.kind() == Value::Kind::kMap;
  for (size_t i = 0; i < value.items().size(); ++i) {
    out += indent;
    out += map ? scalar(value.names()[i]) + ":" : "-";
    write_after(out, value.items()[i], indent, !map);
  }
}

}  // namespace

std::string to_yaml(const Value& document) {
  if (is_scalar(document)) return scalar(document) + "\n";
  if (document.items().empty()) return flow(document) + "\n";
  std::string out;
  write(out, document, "");
  return out;
}

std::string to_yaml(const std::vector<Value>& documents) {
  std::string out;
  for (const Value& document : documents) {
    if (!out.empty()) out += "---\n";
    out += to_yaml(document);
  }
  return out;
}

}  // namespace keyway::platform::kubernetes
