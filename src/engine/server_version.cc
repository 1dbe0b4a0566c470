#include "engine/server_version.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/strings.h"

namespace keyway::engine {

Version version_of(const cluster::ServerFacts& server) {
  Version version{};
  std::vector<std::string_view> parts = split(server.version, '.');
  for (size_t i = 0; i < std::min(parts.size(), version.size()); ++i)
    version[i] = parse_int(parts[i]).value_or(0);
  return version;
}

}  // namespace keyway::engine
