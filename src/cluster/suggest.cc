#include "cluster/suggest.h"

#include <algorithm>
#include <cstdlib>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::cluster {

namespace {

constexpr size_t kMaxNameLength = 64;  // longer ones are not compared: the work grows with the square

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<int>> cost(a.size() + 1, std::vector<int>(b.size() + 1, 0));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = static_cast<int>(i);
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const int changed = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, changed});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

std::string suggest(std::string_view name, const std::vector<std::string_view>& known) {
  const std::string typed = to_lower(excerpt(name, kMaxNameLength));
  std::string_view nearest;
  int least =
      static_cast<int>(std::max<size_t>(2, typed.size() / 3)) + 1;  // not near if it is as far as this
  for (std::string_view candidate : known) {
    const int distance = edit_distance(typed, to_lower(candidate));
    // A name of which nothing is left is no slip of the finger.
    if (distance < least && distance < static_cast<int>(candidate.size())) {
      least = distance;
      nearest = candidate;
    }
  }
  if (!nearest.empty()) return fmt::format("did you mean \"{}\"?", nearest);
  return "use one of " + join({known.begin(), known.end()}, ", ");
}

std::string_view excerpt(std::string_view text, size_t size_bytes) {
  if (text.size() <= size_bytes) return text;
  while (size_bytes > 0 && (static_cast<unsigned char>(text[size_bytes]) & 0xc0) == 0x80) --size_bytes;
  return text.substr(0, size_bytes);
}

}  // namespace keyway::cluster
