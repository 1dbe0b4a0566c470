#include "proxy/large_command.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "proxy/refusals.h"

namespace keyway::proxy {

Slice stand_in(const resp::CommandSpec& command, std::span<const std::string_view> arguments,
               ChunkPool& pool) {
  auto least = static_cast<size_t>(std::abs(command.arity));
  auto kept = std::min(arguments.size(), static_cast<size_t>(command.first_key) + 1);
  std::vector<std::string_view> shown(arguments.begin(), arguments.begin() + static_cast<ptrdiff_t>(kept));
  shown.resize(std::max(least, kept));
  return encode(shown, pool);
}

Slice question_about(std::string_view key, ChunkPool& pool) {
  return encode(std::array<std::string_view, 2>{"EXISTS", key}, pool);
}

bool is_denied(std::string_view error) { return error.starts_with("-NOPERM"); }

}  // namespace keyway::proxy
