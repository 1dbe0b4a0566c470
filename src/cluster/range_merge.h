// Fewer ranges without another slot moved: after it is decided which slots move, some of those that do can
// still be dealt out differently. Pure.
#pragma once

#include <vector>

namespace keyway::cluster {

// What holds for one holder whatever is dealt out.
struct HolderBounds {
  bool takes = false;  // it is given slots and keeps all that it has; else it gives and is given none
  int least = 0;       // slots that it may end with
  int most = 0;
};

// `before` and `after`: the owner of each slot, an index into `bounds` or -1 for nobody. Gives an `after` in
// which as many slots have another owner than before, each holder within its bounds, and not more ranges.
std::vector<int> merge_ranges(const std::vector<int>& before, const std::vector<int>& after,
                              const std::vector<HolderBounds>& bounds);

}  // namespace keyway::cluster
