// Small text helpers without state. Any thread may call them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyway {

// Splits at each `separator`; "a,,b" gives three parts, "" gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);

// Splits at runs of blanks and drops empty parts.
std::vector<std::string_view> split_blanks(std::string_view text);

std::string_view trim(std::string_view text);

// The whole text as a decimal number; nothing if it is not exactly that or does not fit.
std::optional<int64_t> parse_int(std::string_view text);
std::optional<uint64_t> parse_uint(std::string_view text);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

std::string to_lower(std::string_view text);

// "1.5 GiB", "812 B": for people.
std::string human_bytes(int64_t size_bytes);

// "850 ms", "12.3 s", "4 min 5 s", "3 h 2 min", "2 d 4 h": for people.
std::string human_duration(int64_t duration_ms);

// "1 shard", "2 shards".
std::string count_of(int64_t count, std::string_view singular);

// Lower-case hexadecimal of `bytes`.
std::string hex(std::string_view bytes);

}  // namespace keyway
