#include "slot_map.h"

#include <algorithm>

namespace keyway::simulation {
namespace {

cluster::SlotRange range(int first, int last) {
  return {static_cast<cluster::Slot>(first), static_cast<cluster::Slot>(last)};
}

}  // namespace

int SlotMap::owner(int slot) const {
  auto at =
      std::upper_bound(runs_.begin(), runs_.end(), slot, [](int s, const Run& run) { return s < run.first; });
  return std::prev(at)->owner;
}

void SlotMap::set(int first, int last, int owner) {
  std::vector<Run> result;
  result.reserve(runs_.size() + 2);
  auto add = [&result](Run run) {
    if (run.first > run.last) return;
    if (!result.empty() && result.back().owner == run.owner) {
      result.back().last = run.last;
    } else {
      result.push_back(run);
    }
  };
  bool placed = false;
  for (const Run& run : runs_) {
    add({run.first, std::min(run.last, first - 1), run.owner});
    if (!placed && run.last >= first) {
      add({first, last, owner});
      placed = true;
    }
    add({std::max(run.first, last + 1), run.last, run.owner});
  }
  runs_ = std::move(result);
}

void SlotMap::clear_owner(int owner) {
  for (const cluster::SlotRange& r : of(owner)) set(r.first, r.last, kNobody);
}

cluster::SlotRanges SlotMap::of(int owner) const {
  cluster::SlotRanges ranges;
  for (const Run& run : runs_) {
    if (run.owner == owner) ranges.push_back(range(run.first, run.last));
  }
  return ranges;
}

int SlotMap::count(int owner) const {
  int total = 0;
  for (const Run& run : runs_) {
    if (run.owner == owner) total += run.last - run.first + 1;
  }
  return total;
}

bool SlotMap::owns_any(int owner) const {
  return std::any_of(runs_.begin(), runs_.end(), [owner](const Run& run) { return run.owner == owner; });
}

cluster::SlotRanges subtract(const cluster::SlotRanges& from, const cluster::SlotRanges& without) {
  cluster::SlotRanges result;
  for (const cluster::SlotRange& r : from) {
    int first = r.first;
    for (const cluster::SlotRange& hole : without) {
      if (hole.last < first || hole.first > r.last) continue;
      if (hole.first > first) result.push_back(range(first, hole.first - 1));
      first = hole.last + 1;
    }
    if (first <= r.last) result.push_back(range(first, r.last));
  }
  return result;
}

}  // namespace keyway::simulation
