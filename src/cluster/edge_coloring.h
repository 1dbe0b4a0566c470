// Colours the edges of a bipartite graph so that no two at one vertex are alike. Pure.
#pragma once

#include <utility>
#include <vector>

namespace keyway::cluster {

// An edge from a left to a right vertex, each numbered from 0 on. Parallel edges are welcome.
using Edge = std::pair<int, int>;

// A colour from 0 to `colors` - 1 for each edge, each colour as often as any other or once more. Requires
// that no vertex has more than `colors` edges: then it is always possible (Kőnig 1916; that the colours can
// be evened out: de Werra 1971).
std::vector<int> color_edges(const std::vector<Edge>& edges, int colors);

}  // namespace keyway::cluster
