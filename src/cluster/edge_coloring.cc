#include "cluster/edge_coloring.h"

#include <algorithm>
#include <cassert>

namespace keyway::cluster {

namespace {

class Coloring {
 public:
  Coloring(const std::vector<Edge>& edges, int colors)
      : edges_(edges), colors_(colors), color_of_(edges.size(), -1), uses_(static_cast<size_t>(colors), 0) {
    int lefts = 0;
    int rights = 0;
    for (const Edge& edge : edges) {
      lefts = std::max(lefts, edge.first + 1);
      rights = std::max(rights, edge.second + 1);
    }
    first_right_ = lefts;
    std::vector<int> no_edges(static_cast<size_t>(colors), -1);
    at_.assign(static_cast<size_t>(lefts) + static_cast<size_t>(rights), no_edges);
  }

  std::vector<int> run() {
    for (int edge = 0; edge < static_cast<int>(edges_.size()); ++edge) add(edge);
    even_out();
    return color_of_;
  }

 private:
  int left(int edge) const { return edges_[static_cast<size_t>(edge)].first; }
  int right(int edge) const { return first_right_ + edges_[static_cast<size_t>(edge)].second; }
  int other_end(int edge, int vertex) const { return left(edge) == vertex ? right(edge) : left(edge); }
  int& at(int vertex, int color) { return at_[static_cast<size_t>(vertex)][static_cast<size_t>(color)]; }
  int& uses(int color) { return uses_[static_cast<size_t>(color)]; }

  void paint(int edge, int color) {
    color_of_[static_cast<size_t>(edge)] = color;
    at(left(edge), color) = at(right(edge), color) = edge;
    ++uses(color);
  }

  // The colour that is free at the vertex and used least.
  int free_at(int vertex, int also_at) {
    int best = -1;
    for (int color = 0; color < colors_; ++color) {
      if (at(vertex, color) >= 0 || (also_at >= 0 && at(also_at, color) >= 0)) continue;
      if (best < 0 || uses(color) < uses(best)) best = color;
    }
    return best;
  }

  void add(int edge) {
    int color = free_at(left(edge), right(edge));
    if (color < 0) {
      // One colour is free at each end. The path of both colours that begins at the right end never comes to
      // the left one, so exchanging them along it frees the left one's colour at both ends.
      color = free_at(left(edge), -1);
      int other = free_at(right(edge), -1);
      assert(color >= 0 && other >= 0);
      exchange(path_from(right(edge), color, other), color, other);
    }
    paint(edge, color);
  }

  // The edges from `vertex` on whose colours alternate, beginning with `color`.
  std::vector<int> path_from(int vertex, int color, int other) {
    std::vector<int> path;
    for (int edge = at(vertex, color); edge >= 0; edge = at(vertex, color)) {
      path.push_back(edge);
      vertex = other_end(edge, vertex);
      std::swap(color, other);
    }
    return path;
  }

  void exchange(const std::vector<int>& path, int color, int other) {
    for (int edge : path) {
      int old = color_of_[static_cast<size_t>(edge)];
      if (at(left(edge), old) == edge) at(left(edge), old) = -1;
      if (at(right(edge), old) == edge) at(right(edge), old) = -1;
      --uses(old);
      color_of_[static_cast<size_t>(edge)] = old == color ? other : color;
    }
    for (int edge : path) paint(edge, color_of_[static_cast<size_t>(edge)]);
  }

  // Of the paths of the most and the least used colour one has an edge more of the former: exchanged, the
  // colours are nearer to each other.
  void even_out() {
    while (true) {
      auto [least, most] = std::ranges::minmax_element(uses_);
      if (*most - *least < 2) return;
      auto rare = static_cast<int>(least - uses_.begin());
      auto common = static_cast<int>(most - uses_.begin());
      for (int vertex = 0; vertex < static_cast<int>(at_.size()); ++vertex) {
        if (at(vertex, common) < 0 || at(vertex, rare) >= 0) continue;  // not where a path begins
        std::vector<int> path = path_from(vertex, common, rare);
        if (path.size() % 2 == 0) continue;
        exchange(path, common, rare);
        break;
      }
    }
  }

  const std::vector<Edge>& edges_;
  int colors_;
  int first_right_ = 0;  // vertices on the right are numbered after those on the left
  std::vector<int> color_of_;
  std::vector<int> uses_;
  std::vector<std::vector<int>> at_;  // by vertex and colour: the edge
};

}  // namespace

std::vector<int> color_edges(const std::vector<Edge>& edges, int colors) {
  return Coloring(edges, colors).run();
}

}  // namespace keyway::cluster
