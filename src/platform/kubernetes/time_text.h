// Times as the API writes them: RFC 3339, in UTC where it is ours. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keyway::platform::kubernetes {

// Microseconds of Unix time; nothing if `text` is no such time. Fractions of up to nine digits and other
// zones are read.
std::optional<int64_t> parse_time_us(std::string_view text);

// "2026-11-22T10:00:00.123456Z": MicroTime.
std::string time_text_us(int64_t unix_us);
// "2026-11-22T10:00:00Z": Time.
std::string time_text_s(int64_t unix_s);

}  // namespace keyway::platform::kubernetes
