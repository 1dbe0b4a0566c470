// Parts of JSON text without reading all of it: a list of a thousand objects is cut into them, and each is
// read on its own. What is cut out is checked by whoever reads it. Pure; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::platform::kubernetes {

// Calls `take` with each member of the object `text`, names without their quotes and not unescaped; an error
// of it ends the walk. kCorrupt: it is no object.
Status for_each_member(std::string_view text,
                       const std::function<Status(std::string_view name, std::string_view value)>& take);

// The same for the elements of the list `text`.
Status for_each_element(std::string_view text, const std::function<Status(std::string_view value)>& take);

// The value at `path`, names parted by dots; empty if there is none.
std::string_view find_json(std::string_view text, std::string_view path);

// The text that the JSON string `value` stands for; empty if it is none.
std::string json_string(std::string_view value);

}  // namespace keyway::platform::kubernetes
