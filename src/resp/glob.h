// Patterns of keys, as KEYS and SCAN MATCH have them: * any bytes, ? one byte, [ab], [a-z], [^a] one of a
// set, \x the byte x. Pure; any thread.
#pragma once

#include <string_view>

namespace keyway::resp {

// Takes time of at most the product of both lengths.
bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace keyway::resp
