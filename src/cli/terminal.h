// What a terminal can show, and text measured and cut for it. Pure but for detect_terminal and window_size;
// any thread.
#pragma once

#include <string>
#include <string_view>

namespace keyway::cli {

struct Terminal {
  bool interactive = false;  // a person watches: lines may be redrawn
  bool colour = false;
  bool utf8 = false;
  int columns = 0;  // 0: no limit
  int rows = 0;     // 0: no limit
};

// Looks at the descriptor and at NO_COLOR, TERM, COLUMNS, LC_ALL, LC_CTYPE and LANG.
Terminal detect_terminal(int fd);

// Brings columns and rows up to date (a window may have been resized).
void update_window_size(int fd, Terminal& terminal);

enum class Style { kPlain, kStrong, kFaint, kGood, kWarning, kBad };

// `text` in its style, or as it is without colour.
std::string paint(std::string_view text, Style style, bool colour);

// How many columns a line takes: colour sequences none, every UTF-8 character one.
int columns_of(std::string_view line);

// The line cut to at most `columns` (0: not cut), ending in "…" (or "..." without UTF-8) if something was
// cut; a colour that was on is turned off.
std::string clip(std::string_view line, int columns, bool utf8);

// Control characters made visible, so that text from servers and files cannot steer the terminal. Tabs become
// blanks.
std::string printable(std::string_view text);

}  // namespace keyway::cli
