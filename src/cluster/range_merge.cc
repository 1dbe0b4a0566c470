#include "cluster/range_merge.h"

#include <algorithm>
#include <deque>

#include "cluster/slot_line.h"

namespace keyway::cluster {

namespace {

// So many borders are looked at, then it is good as it is: a few milliseconds.
constexpr int64_t kEffort = 1'000'000;

std::vector<int> with_nobody(std::vector<int> owners, int nobody) {
  for (int& owner : owners) {
    if (owner < 0) owner = nobody;
  }
  return owners;
}

// A segment is dissolved: the holder next to it takes it over, hands as many slots at one end of another
// segment of its own to the holder next to that one, and so on round to the first, whose loss is made good.
// Found by breadth-first search over the holders. Slots that take part must have moved anyway, or come back
// to where they were while the one who gets them back gives as many others.
class RangeMerger {
 public:
  RangeMerger(const std::vector<int>& before, const std::vector<int>& after,
              const std::vector<HolderBounds>& bounds)
      : holders_(static_cast<int>(bounds.size())),
        before_(before),
        bounds_(bounds),
        line_(with_nobody(after, holders_), holders_ + 1),
        counts_(bounds.size(), 0),
        arrivals_(bounds.size()) {
    for (int owner : after) {
      if (owner >= 0) ++counts_[static_cast<size_t>(owner)];
    }
  }

  std::vector<int> run() {
    bool merged = true;
    while (merged && effort_ < kEffort) {
      merged = false;
      for (int segment : smallest_first()) {
        if (line_.at(segment).alive && effort_ < kEffort && dissolve(segment)) merged = true;
      }
    }
    std::vector<int> owners = line_.owners();
    for (int& owner : owners) {
      if (owner == holders_) owner = -1;
    }
    return owners;
  }

 private:
  // How slots come to a holder during one search.
  struct Arrival {
    int search = 0;    // in which search it was reached
    int giver = -1;    // from whom; -1: from the segment that is dissolved
    int segment = -1;  // of the giver; -1: nothing passes between them, one has a slot more, the other less
    Side side = Side::kLow;
    int landing = -1;  // the holder's own segment that grows
  };

  bool takes(int holder) const { return bounds_[static_cast<size_t>(holder)].takes; }
  Arrival& arrival(int holder) { return arrivals_[static_cast<size_t>(holder)]; }
  bool may_rise(int holder) const {
    return counts_[static_cast<size_t>(holder)] < bounds_[static_cast<size_t>(holder)].most;
  }
  bool may_fall(int holder) const {
    return counts_[static_cast<size_t>(holder)] > bounds_[static_cast<size_t>(holder)].least;
  }

  std::vector<int> smallest_first() const {
    std::vector<int> segments;
    for (int segment = 0; segment < line_.size(); ++segment) {
      if (line_.at(segment).alive && line_.at(segment).owner < holders_) segments.push_back(segment);
    }
    std::ranges::stable_sort(
        segments, [&](int left, int right) { return line_.at(left).size() < line_.at(right).size(); });
    return segments;
  }

  // Whether `slots` slots at that end may go to `taker` without more being moved than before.
  bool passes(int segment, Side side, int slots, int taker) {
    const Segment& from = line_.at(segment);
    if (!takes(from.owner)) return takes(taker);
    for (int i = 0; i < slots; ++i) {
      ++effort_;
      int slot = side == Side::kLow ? from.first + i : from.last - i;
      int origin = before_[static_cast<size_t>(slot)];
      if (takes(taker) ? origin == from.owner : origin != taker) return false;
    }
    return true;
  }

  bool reach(int holder, const Arrival& how) {
    if (arrival(holder).search == search_) return false;
    arrival(holder) = how;
    arrival(holder).search = search_;
    queue_.push_back(holder);
    return true;
  }

  bool dissolve(int segment) {
    ++search_;
    queue_.clear();
    const Segment& old = line_.at(segment);
    int size = old.size();
    for (Side side : {Side::kLow, Side::kHigh}) {
      int beside = old.neighbour(side);
      if (beside < 0 || line_.at(beside).owner == holders_) continue;
      if (passes(segment, side, size, line_.at(beside).owner))
        reach(line_.at(beside).owner, {.segment = segment, .side = side, .landing = beside});
    }
    while (!queue_.empty()) {
      int holder = queue_.front();
      queue_.pop_front();
      int owner = old.owner;
      if (size == 1 && takes(holder) == takes(owner) && may_rise(holder) && may_fall(owner)) {
        ++counts_[static_cast<size_t>(holder)];
        --counts_[static_cast<size_t>(owner)];
        carry_out(holder, size);
        return true;
      }
      if (search_from(holder, segment, size)) {
        carry_out(owner, size);
        return true;
      }
    }
    return false;
  }

  // Whom `holder` can hand slots to; true if that closes the circle.
  bool search_from(int holder, int dissolved, int size) {
    int goal = line_.at(dissolved).owner;
    for (int segment : line_.of(holder)) {
      const Segment& from = line_.at(segment);
      if (from.size() < size || (from.size() == size && segment == arrival(holder).landing)) continue;
      for (Side side : {Side::kLow, Side::kHigh}) {
        ++effort_;
        int beside = from.neighbour(side);
        if (beside < 0 || beside == dissolved || line_.at(beside).owner == holders_) continue;
        int next = line_.at(beside).owner;
        if (arrival(next).search == search_ || !passes(segment, side, size, next)) continue;
        reach(next, {.giver = holder, .segment = segment, .side = side, .landing = beside});
        if (next == goal) return true;
      }
    }
    if (size != 1 || !may_rise(holder)) return false;
    for (int other = 0; other < holders_; ++other) {
      ++effort_;
      if (other != goal && takes(other) == takes(holder) && may_fall(other)) reach(other, {.giver = holder});
    }
    return false;
  }

  // From the last gift of the circle to the first, so that no segment is gone when its turn comes.
  void carry_out(int last, int size) {
    for (int holder = last; holder >= 0; holder = arrival(holder).giver) {
      const Arrival& how = arrival(holder);
      if (how.segment >= 0) {
        line_.give(how.segment, how.side, size, holder);
      } else {
        ++counts_[static_cast<size_t>(how.giver)];
        --counts_[static_cast<size_t>(holder)];
      }
    }
  }

  int holders_;
  const std::vector<int>& before_;
  const std::vector<HolderBounds>& bounds_;
  SlotLine line_;
  std::vector<int> counts_;
  std::vector<Arrival> arrivals_;
  std::deque<int> queue_;
  int search_ = 0;
  int64_t effort_ = 0;
};

}  // namespace

std::vector<int> merge_ranges(const std::vector<int>& before, const std::vector<int>& after,
                              const std::vector<HolderBounds>& bounds) {
  return RangeMerger(before, after, bounds).run();
}

}  // namespace keyway::cluster
