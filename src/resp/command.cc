#include "resp/command.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::resp {

namespace {

constexpr std::string_view kMask = "***";
constexpr std::string_view kCut = "...";

bool is_word(const Command& command, size_t index, std::string_view lower_word) {
  return index < command.size() && to_lower(command[index]) == lower_word;
}

// AUTH password, AUTH user password. Anything else is a slip of the hand, in which any word may be the
// password.
bool auth_hides(const Command& command, size_t index) { return command.size() != 3 || index == 2; }

// The word after AUTH, or the second one after it, wherever AUTH may stand as an option.
bool follows(const Command& command, size_t index, std::string_view option, size_t distance) {
  return index > distance && is_word(command, index - distance, option);
}

bool acl_hides(const Command& command, size_t index) {
  constexpr std::string_view marks = "><#!";  // add or remove a password, add or remove the hash of one
  if (!is_word(command, 1, "setuser") || index < 3 || command[index].empty()) return false;
  return marks.find(command[index].front()) != std::string_view::npos;
}

bool config_hides(const Command& command, size_t index) {
  constexpr std::array<std::string_view, 5> secrets = {"masterauth", "primaryauth", "requirepass",
                                                       "tls-key-file-pass", "tls-client-key-file-pass"};
  if (!is_word(command, 1, "set") || index < 3) return false;
  return std::find(secrets.begin(), secrets.end(), to_lower(command[index - 1])) != secrets.end();
}

// Where a word could be read in two ways (a key named "auth"), it is hidden: too much hidden is harmless.
bool is_secret(const Command& command, size_t index) {
  if (index == 0) return false;
  std::string name = to_lower(command[0]);
  if (name == "auth") return auth_hides(command, index);
  if (name == "hello") return follows(command, index, "auth", 2);
  if (name == "acl") return acl_hides(command, index);
  if (name == "config") return config_hides(command, index);
  if (name == "migrate") return follows(command, index, "auth", 1) || follows(command, index, "auth2", 2);
  return false;
}

bool is_plain(char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\'' && c != '\\'; }

void append_escaped(std::string& out, char c) {
  if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (c == ' ' || c == '\'' || is_plain(c)) {
    out += c;
  } else {
    out += "\\x";
    out += hex(std::string_view(&c, 1));
  }
}

// Stops once `out` has more than `max_length` bytes: an argument may be hundreds of megabytes.
void append_argument(std::string& out, std::string_view argument, size_t max_length) {
  std::string_view seen = argument.substr(0, max_length + 1);
  if (!seen.empty() && std::all_of(seen.begin(), seen.end(), is_plain)) {
    out += seen;
    return;
  }
  out += '"';
  for (char c : seen) {
    if (out.size() > max_length) return;
    append_escaped(out, c);
  }
  out += '"';
}

}  // namespace

void append(std::string& out, const Command& command) {
  constexpr size_t framing_bytes = 16;
  size_t size_bytes = framing_bytes;
  for (const std::string& argument : command) size_bytes += argument.size() + framing_bytes;
  // Doubling, not the exact size: a pipeline of many commands would otherwise be copied once a command.
  if (out.capacity() - out.size() < size_bytes)
    out.reserve(std::max(out.size() + size_bytes, out.capacity() * 2));

  out += '*';
  out += std::to_string(command.size());
  out += "\r\n";
  for (const std::string& argument : command) {
    out += '$';
    out += std::to_string(argument.size());
    out += "\r\n";
    out += argument;
    out += "\r\n";
  }
}

std::string describe(const Command& command, size_t max_length) {
  std::string text;
  for (size_t i = 0; i < command.size() && text.size() <= max_length; ++i) {
    if (i > 0) text += ' ';
    if (is_secret(command, i)) {
      text += kMask;
    } else {
      append_argument(text, command[i], max_length);
    }
  }
  if (text.size() <= max_length) return text;
  text.resize(max_length < kCut.size() ? 0 : max_length - kCut.size());
  text += kCut.substr(0, max_length);
  return text;
}

}  // namespace keyway::resp
