// Comparing two values of the same key by their elements, when nothing shorter tells. Reads only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "admin/key_queue.h"
#include "admin/keyspace.h"

namespace keyway::admin {

// Whether the value of each key is the same in both keyspaces; false for what is missing on one side. Values
// of modules, which have no elements that could be read, are the same if their DUMP is. Small ones are read
// whole, many at a time; large ones in pieces. Errors: those of the servers.
Result<std::vector<bool>> same_elements(Keyspace& from, Keyspace& to, const std::vector<FoundKey>& keys);

// The value in a DUMP: without its format's version and the checksum, which differ between server versions.
std::string_view without_footer(std::string_view dump);

}  // namespace keyway::admin
