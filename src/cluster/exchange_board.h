// Where an exchange of slots stands: who still has too much or too little, and who holds what. Internal to
// slot_exchange; one thread.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "cluster/slot_exchange.h"
#include "cluster/slot_line.h"

namespace keyway::cluster {

class ExchangeBoard {
 public:
  explicit ExchangeBoard(ExchangeTask task);

  const SlotLine& line() const { return line_; }
  const Party& party(int owner) const { return task_.parties[static_cast<size_t>(owner)]; }
  int parties() const { return free_; }
  // Owns all segments that must go, whosever they are. The number above it owns the slots of nobody.
  int free_owner() const { return free_; }
  int owners() const { return free_ + 2; }
  bool weighed() const { return !task_.loads.empty(); }

  double load(int first, int count) const;
  double load(const Segment& segment) const { return load(segment.first, segment.size()); }
  // Half a slot: what is less is nothing.
  double half() const { return half_; }
  bool near(double left, double right) const;

  bool gives(int owner) const { return owner == free_ || (owner < free_ && party(owner).surplus > half_); }
  bool takes(int owner) const { return owner < free_ && party(owner).deficit > half_; }
  // What the segment's owner is to give, of this segment or of all.
  double surplus(const Segment& segment) const;
  double supply(const Segment& segment) const;
  bool may_give_more(int owner) const;
  bool may_take_more(int owner) const { return task_.more_to_take > 0 && party(owner).flexible; }
  bool more_wanted() const { return task_.more_to_give > 0 || task_.more_to_take > 0; }
  bool more_to_give() const { return task_.more_to_give > 0; }

  // How many slots at that end come nearest to the amount.
  int cut(int segment, Side side, double amount) const;

  // Who lacks most; -1: nobody lacks anything.
  int neediest() const { return takers_.empty() ? -1 : takers_.rbegin()->second; }
  // Who lacks just that amount, up to `slack` more, or one slot less and may take one more; -1: nobody.
  int fitting(double amount, int slack) const;

  // The party gives, or takes, one slot more than it had to.
  void grant(int owner);
  // Gives what SlotLine::give gives.
  int hand_over(int segment, Side side, int slots, int taker);

 private:
  void set_deficit(int owner, double deficit);

  int free_;
  ExchangeTask task_;
  SlotLine line_;
  double half_ = 0.5;
  std::vector<double> sums_;                 // of the loads up to a slot
  std::set<std::pair<double, int>> takers_;  // by what they lack
};

}  // namespace keyway::cluster
