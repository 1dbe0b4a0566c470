// The slots in their order as a line of segments, each of one owner, that can be handed on piece by piece. A
// working structure of the planning of moves; one thread.
#pragma once

#include <vector>

#include "cluster/slots.h"

namespace keyway::cluster {

enum class Side { kLow, kHigh };

constexpr Side opposite(Side side) { return side == Side::kLow ? Side::kHigh : Side::kLow; }

// Neighbours never have the same owner.
struct Segment {
  int owner = 0;
  int first = 0;
  int last = 0;
  int before = -1;  // index of the neighbour; -1: the line ends here
  int after = -1;
  size_t place = 0;  // in its owner's list
  bool alive = true;

  int size() const { return last - first + 1; }
  int neighbour(Side side) const { return side == Side::kLow ? before : after; }
};

class SlotLine {
 public:
  // `owners`: by slot, each at least 0 and below `owner_count`.
  SlotLine(const std::vector<int>& owners, int owner_count);

  const Segment& at(int segment) const { return segments_[static_cast<size_t>(segment)]; }
  // Indexes of segments are never used again.
  int size() const { return static_cast<int>(segments_.size()); }
  // The living segments of an owner, in no particular order.
  const std::vector<int>& of(int owner) const { return lists_[static_cast<size_t>(owner)]; }

  // Hands `slots` slots at one end of a segment (all of it, if it has no more) to `owner`. Gives the segment
  // that they are in then: a neighbour that is already the owner's grows, two that come to touch become one.
  int give(int segment, Side side, int slots, int owner);

  // Who owns each slot now.
  std::vector<int> owners() const;

 private:
  Segment& edit(int segment) { return segments_[static_cast<size_t>(segment)]; }
  void enlist(int segment);
  void delist(int segment);
  int recolour(int segment, int owner);
  int absorb(int low, int high);
  int cut_off(int segment, Side side, int slots, int owner);

  std::vector<Segment> segments_;
  std::vector<std::vector<int>> lists_;
};

}  // namespace keyway::cluster
