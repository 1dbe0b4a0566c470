#include "resp/glob.h"

#include <algorithm>
#include <cstddef>

namespace keyway::resp {

namespace {

// What one byte of the text is compared with, and how long that is in the pattern.
struct Piece {
  size_t length = 1;
  bool fits = false;
};

// `pattern` begins with '['; a set that is never closed ends with the pattern, as servers have it.
Piece match_set(std::string_view pattern, char c) {
  size_t at = 1;
  bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted) ++at;
  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      found = found || pattern[at + 1] == c;
      at += 2;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      auto [least, most] = std::minmax(pattern[at], pattern[at + 2]);
      found = found || (least <= c && c <= most);
      at += 3;
    } else {
      found = found || pattern[at] == c;
      ++at;
    }
  }
  return {std::min(at + 1, pattern.size()), found != inverted};
}

Piece match_one(std::string_view pattern, char c) {
  switch (pattern.front()) {
    case '?':
      return {1, true};
    case '[':
      return match_set(pattern, c);
    case '\\':
      if (pattern.size() > 1) return {2, pattern[1] == c};
      break;
    default:
      break;
  }
  return {1, pattern.front() == c};
}

}  // namespace

// What follows a star is tried at each place in turn; only the last star needs to be gone back to.
bool matches_glob(std::string_view pattern, std::string_view text) {
  size_t in_pattern = 0;
  size_t in_text = 0;
  size_t after_star = std::string_view::npos;
  size_t star_text = 0;  // where what follows the star is tried
  while (in_text < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      after_star = ++in_pattern;
      star_text = in_text;
      continue;
    }
    if (in_pattern < pattern.size()) {
      Piece piece = match_one(pattern.substr(in_pattern), text[in_text]);
      if (piece.fits) {
        in_pattern += piece.length;
        ++in_text;
        continue;
      }
    }
    if (after_star == std::string_view::npos) return false;
    in_pattern = after_star;
    star_text += 1;
    in_text = star_text;
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '*') ++in_pattern;
  return in_pattern == pattern.size();
}

}  // namespace keyway::resp
