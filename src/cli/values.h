// Values of flags, read with errors that name the flag, what was given, and what would be right. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cluster/spec.h"
#include "proxy/read_plan.h"

namespace keyway::cli {

// A whole number of [least, most]. `flag` as the user writes it: "--shards".
Result<int> number_value(std::string_view flag, std::string_view text, int least, int most);

// "90", "90s", "5m", "1h" as milliseconds, from one second to a day.
Result<int64_t> duration_value(std::string_view flag, std::string_view text);

// "primary", "prefer-replica", "nearest".
Result<proxy::ReadPolicy> read_policy_value(std::string_view flag, std::string_view text);

// "1Mi", "4096" as bytes.
Result<int64_t> lag_bytes_value(std::string_view flag, std::string_view text);

Result<cluster::Mode> mode_value(std::string_view flag, std::string_view text);

// "512Mi", "1gb" as bytes, at least one MiB.
Result<int64_t> size_value(std::string_view flag, std::string_view text);

// The one of `choices` that `word` was probably meant to be; empty if none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& choices);

}  // namespace keyway::cli
