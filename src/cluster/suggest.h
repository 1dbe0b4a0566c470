// Help with messages about what somebody typed. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keyway::cluster {

// How many letters must be put in, taken out, changed or swapped with the next one to make one text of the
// other.
int edit_distance(std::string_view a, std::string_view b);

// `did you mean "NAME"?` with the nearest of `known`, or `use one of A, B, C` if none is near.
std::string suggest(std::string_view name, const std::vector<std::string_view>& known);

// The first `size_bytes` of `text`, or a little less so that no UTF-8 character is cut.
std::string_view excerpt(std::string_view text, size_t size_bytes = 60);

}  // namespace keyway::cluster
