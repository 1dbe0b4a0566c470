#include "cluster/slot_line.h"

#include <cassert>

namespace keyway::cluster {

SlotLine::SlotLine(const std::vector<int>& owners, int owner_count)
    : lists_(static_cast<size_t>(owner_count)) {
  for (int slot = 0; slot < static_cast<int>(owners.size()); ++slot) {
    int owner = owners[static_cast<size_t>(slot)];
    if (!segments_.empty() && segments_.back().owner == owner) {
      segments_.back().last = slot;
      continue;
    }
    int index = size();
    if (index > 0) segments_.back().after = index;
    segments_.push_back({.owner = owner, .first = slot, .last = slot, .before = index - 1});
    enlist(index);
  }
}

void SlotLine::enlist(int segment) {
  std::vector<int>& list = lists_[static_cast<size_t>(at(segment).owner)];
  edit(segment).place = list.size();
  list.push_back(segment);
}

void SlotLine::delist(int segment) {
  std::vector<int>& list = lists_[static_cast<size_t>(at(segment).owner)];
  size_t place = at(segment).place;
  list[place] = list.back();
  edit(list[place]).place = place;
  list.pop_back();
}

// `high` becomes part of `low`, which stands right before it.
int SlotLine::absorb(int low, int high) {
  edit(low).last = at(high).last;
  edit(low).after = at(high).after;
  if (at(high).after >= 0) edit(at(high).after).before = low;
  delist(high);
  edit(high).alive = false;
  return low;
}

int SlotLine::recolour(int segment, int owner) {
  delist(segment);
  edit(segment).owner = owner;
  enlist(segment);
  int after = at(segment).after;
  if (after >= 0 && at(after).owner == owner) absorb(segment, after);
  int before = at(segment).before;
  return before >= 0 && at(before).owner == owner ? absorb(before, segment) : segment;
}

int SlotLine::cut_off(int segment, Side side, int slots, int owner) {
  Segment piece{.owner = owner};
  if (side == Side::kLow) {
    piece.first = at(segment).first;
    piece.last = piece.first + slots - 1;
    edit(segment).first += slots;
  } else {
    piece.last = at(segment).last;
    piece.first = piece.last - slots + 1;
    edit(segment).last -= slots;
  }
  int beside = at(segment).neighbour(side);
  if (beside >= 0 && at(beside).owner == owner) {
    (side == Side::kLow ? edit(beside).last : edit(beside).first) =
        side == Side::kLow ? piece.last : piece.first;
    return beside;
  }
  int index = size();
  piece.before = side == Side::kLow ? beside : segment;
  piece.after = side == Side::kLow ? segment : beside;
  segments_.push_back(piece);
  enlist(index);
  (side == Side::kLow ? edit(segment).before : edit(segment).after) = index;
  if (beside >= 0) (side == Side::kLow ? edit(beside).after : edit(beside).before) = index;
  return index;
}

int SlotLine::give(int segment, Side side, int slots, int owner) {
  assert(at(segment).alive && at(segment).owner != owner && slots > 0 && slots <= at(segment).size());
  return slots == at(segment).size() ? recolour(segment, owner) : cut_off(segment, side, slots, owner);
}

std::vector<int> SlotLine::owners() const {
  std::vector<int> owners(static_cast<size_t>(kSlotCount));
  for (const Segment& segment : segments_) {
    for (int slot = segment.first; segment.alive && slot <= segment.last; ++slot)
      owners[static_cast<size_t>(slot)] = segment.owner;
  }
  return owners;
}

}  // namespace keyway::cluster
