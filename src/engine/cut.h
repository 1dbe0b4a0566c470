// Walking through text from the left without copying it. Any thread.
#pragma once

#include <string_view>

namespace keyway::engine {

// What stands before the first `separator` in `rest`, which then begins after it; all of it if there is no
// separator.
inline std::string_view cut(std::string_view& rest, char separator) {
  size_t at = rest.find(separator);
  std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return part;
}

// The next line, without its "\n" or "\r\n".
inline std::string_view cut_line(std::string_view& rest) {
  std::string_view line = cut(rest, '\n');
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace keyway::engine
