#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::cli {

namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view(value);
}

bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value = to_lower(variable(name));
    if (!value.empty())
      return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

// The length of the sequence that starts at `at`: a colour sequence, or one UTF-8 character.
struct Piece {
  size_t size = 1;
  bool visible = true;
};

Piece piece_at(std::string_view line, size_t at) {
  if (line[at] == '\x1b' && at + 1 < line.size() && line[at + 1] == '[') {
    size_t end = at + 2;
    while (end < line.size() && (line[end] < '@' || line[end] > '~')) ++end;
    return {std::min(end + 1, line.size()) - at, false};
  }
  size_t end = at + 1;
  while (end < line.size() && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) ++end;
  return {end - at, true};
}

}  // namespace

Terminal detect_terminal(int fd) {
  Terminal terminal;
  std::string_view term = variable("TERM");
  bool dumb = term.empty() || term == "dumb";
  terminal.interactive = isatty(fd) == 1 && !dumb;
  terminal.colour = terminal.interactive && variable("NO_COLOR").empty();
  terminal.utf8 = speaks_utf8();
  if (isatty(fd) == 1) update_window_size(fd, terminal);
  return terminal;
}

void update_window_size(int fd, Terminal& terminal) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.columns = size.ws_col;
    terminal.rows = size.ws_row;
    return;
  }
  terminal.columns = static_cast<int>(parse_uint(variable("COLUMNS")).value_or(80));
  terminal.rows = 24;
}

std::string paint(std::string_view text, Style style, bool colour) {
  if (!colour || style == Style::kPlain || text.empty()) return std::string(text);
  std::string_view code = "1";
  switch (style) {
    case Style::kPlain:
    case Style::kStrong:
      code = "1";
      break;
    case Style::kFaint:
      code = "2";
      break;
    case Style::kGood:
      code = "32";
      break;
    case Style::kWarning:
      code = "33";
      break;
    case Style::kBad:
      code = "31";
      break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

int columns_of(std::string_view line) {
  int columns = 0;
  for (size_t at = 0; at < line.size();) {
    Piece piece = piece_at(line, at);
    if (piece.visible) ++columns;
    at += piece.size;
  }
  return columns;
}

std::string clip(std::string_view line, int columns, bool utf8) {
  if (columns <= 0 || columns_of(line) <= columns) return std::string(line);
  std::string_view ellipsis = utf8 ? "…" : columns >= 8 ? "..." : "";
  int room = columns - columns_of(ellipsis);
  std::string text;
  bool coloured = false;
  for (size_t at = 0; at < line.size() && room >= 0;) {
    Piece piece = piece_at(line, at);
    if (piece.visible && room-- == 0) break;
    if (!piece.visible) coloured = line.substr(at, piece.size) != "\x1b[0m";
    text += line.substr(at, piece.size);
    at += piece.size;
  }
  text += ellipsis;
  if (coloured) text += "\x1b[0m";
  return text;
}

std::string printable(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '\t' || c == '\n') {
      shown += c == '\t' ? ' ' : c;
    } else if (byte < 0x20 || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

}  // namespace keyway::cli
