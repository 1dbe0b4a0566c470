// Who owns each slot, as one server believes it: runs of slots with an owner. Owners are numbers of node ids;
// kNobody is an unassigned slot. A value; one thread.
#pragma once

#include <vector>

#include "cluster/slots.h"

namespace keyway::simulation {

inline constexpr int kNobody = -1;

class SlotMap {
 public:
  SlotMap() : runs_{{0, cluster::kSlotCount - 1, kNobody}} {}

  int owner(int slot) const;
  void set(int first, int last, int owner);
  void clear_owner(int owner);

  cluster::SlotRanges of(int owner) const;
  int count(int owner) const;
  bool owns_any(int owner) const;
  bool complete() const { return !owns_any(kNobody); }

  // The runs as a whole: sorted, without gaps, neighbours differ in their owner.
  struct Run {
    int first;
    int last;
    int owner;
  };
  const std::vector<Run>& runs() const { return runs_; }

 private:
  std::vector<Run> runs_;
};

// What is in `from` and not in `without`.
cluster::SlotRanges subtract(const cluster::SlotRanges& from, const cluster::SlotRanges& without);

}  // namespace keyway::simulation
