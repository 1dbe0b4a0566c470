// Commands on their way to a server. Values; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keyway::resp {

using Command = std::vector<std::string>;

// Appends the command as an array of bulk strings to `out`.
void append(std::string& out, const Command& command);

// The command as a person may see it: arguments quoted where needed, cut to `max_length`, and every secret
// (AUTH, HELLO AUTH, ACL SETUSER >password and #hash, CONFIG SET masterauth or requirepass, MIGRATE
// AUTH/AUTH2) shown as "***".
std::string describe(const Command& command, size_t max_length = 120);

}  // namespace keyway::resp
