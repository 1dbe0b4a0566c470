// Text within JSON. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace keyway {

// "text" in quotes, escaped; bytes that are no UTF-8 become U+FFFD.
std::string json_quote(std::string_view text);

}  // namespace keyway
