#include "proxy/pause.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace keyway::proxy {

namespace {

// Not known to write, but what they do may have to be replicated.
constexpr auto kMayReplicate =
    std::to_array<std::string_view>({"eval", "evalsha", "fcall", "pfcount", "publish", "spublish"});

}  // namespace

bool may_write(const resp::CommandSpec& spec) {
  return spec.has(resp::command_flag::kWrite) ||
         std::ranges::find(kMayReplicate, spec.name) != kMayReplicate.end();
}

}  // namespace keyway::proxy
