// Base64 (RFC 4648) as kubeconfigs and Secrets hold it. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace keyway::platform {

// Nothing if it is none. Line breaks are allowed, padding is demanded.
std::optional<std::string> base64_decoded(std::string_view text);

std::string base64_encoded(std::string_view bytes);

}  // namespace keyway::platform
