// What redis-cli and redis-trib ask for when `reshard` is not told all: how many slots, who gets them, where
// they come from. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/cluster/request.h"

namespace keyway::cli {

// Puts a question and gives the answer; nothing if nobody answers.
using Ask = std::function<std::optional<std::string>(std::string_view question)>;
using Say = std::function<void(const std::string& line)>;

// Completes `reshard`. kConflict: nobody answered, or not in a way that can be used, three times in a row.
Status ask_for_missing(ReshardRequest& reshard, const cluster::Observed& observed, const Ask& ask,
                       const Say& say);

}  // namespace keyway::cli
