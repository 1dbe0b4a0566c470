#include "cluster/exchange_board.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace keyway::cluster {

namespace {

std::vector<int> line_owners(const ExchangeTask& task) {
  auto free_owner = static_cast<int>(task.parties.size());
  std::vector<int> owners = task.owners;
  for (int& owner : owners) {
    if (owner < 0) {
      owner = free_owner + 1;
    } else if (task.parties[static_cast<size_t>(owner)].gives_all) {
      owner = free_owner;
    }
  }
  return owners;
}

}  // namespace

ExchangeBoard::ExchangeBoard(ExchangeTask task)
    : free_(static_cast<int>(task.parties.size())),
      task_(std::move(task)),
      line_(line_owners(task_), free_ + 2),
      sums_(size_t{kSlotCount} + 1, 0) {
  for (size_t slot = 0; slot < size_t{kSlotCount}; ++slot)
    sums_[slot + 1] = sums_[slot] + (task_.loads.empty() ? 1 : task_.loads[slot]);
  if (weighed()) half_ = sums_.back() / kSlotCount / 2;
  for (int i = 0; i < free_; ++i) {
    if (takes(i)) takers_.emplace(party(i).deficit, i);
  }
}

double ExchangeBoard::load(int first, int count) const {
  auto start = static_cast<size_t>(first);
  return sums_[start + static_cast<size_t>(count)] - sums_[start];
}

bool ExchangeBoard::near(double left, double right) const { return std::abs(left - right) < half_; }

double ExchangeBoard::surplus(const Segment& segment) const {
  return segment.owner == free_ ? load(segment) : party(segment.owner).surplus;
}

double ExchangeBoard::supply(const Segment& segment) const {
  return std::min(load(segment), surplus(segment));
}

bool ExchangeBoard::may_give_more(int owner) const {
  return owner < free_ && task_.more_to_give > 0 && party(owner).flexible;
}

int ExchangeBoard::cut(int segment, Side side, double amount) const {
  const Segment& from = line_.at(segment);
  if (!weighed()) return std::min(from.size(), static_cast<int>(std::lround(amount)));
  auto weight = [&](int slots) {
    return side == Side::kLow ? load(from.first, slots) : load(from.last - slots + 1, slots);
  };
  int low = 0;
  int high = from.size();
  while (low < high) {
    int middle = (low + high) / 2;
    if (weight(middle) < amount) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low > 0 && amount - weight(low - 1) < weight(low) - amount ? low - 1 : low;
}

int ExchangeBoard::fitting(double amount, int slack) const {
  auto lacking = [&](double wanted) {
    auto at = takers_.lower_bound({wanted - half_, std::numeric_limits<int>::max()});
    return at != takers_.end() && near(at->first, wanted) ? at->second : -1;
  };
  for (int more = 0; more <= std::min(slack, task_.more_to_give); ++more) {
    int taker = lacking(amount + more);
    if (taker >= 0) return taker;
  }
  int taker = task_.more_to_take == 0 ? -1 : lacking(amount - 1);
  return taker >= 0 && may_take_more(taker) ? taker : -1;
}

void ExchangeBoard::set_deficit(int owner, double deficit) {
  Party& party = task_.parties[static_cast<size_t>(owner)];
  takers_.erase({party.deficit, owner});
  party.deficit = deficit;
  if (takes(owner)) takers_.emplace(deficit, owner);
}

void ExchangeBoard::grant(int owner) {
  Party& party = task_.parties[static_cast<size_t>(owner)];
  party.flexible = false;
  if (task_.more_to_give > 0) {
    --task_.more_to_give;
    party.surplus += 1;
  } else {
    --task_.more_to_take;
    set_deficit(owner, party.deficit + 1);
  }
}

int ExchangeBoard::hand_over(int segment, Side side, int slots, int taker) {
  const Segment& from = line_.at(segment);
  double amount = side == Side::kLow ? load(from.first, slots) : load(from.last - slots + 1, slots);
  if (from.owner != free_) task_.parties[static_cast<size_t>(from.owner)].surplus -= amount;
  set_deficit(taker, party(taker).deficit - amount);
  return line_.give(segment, side, slots, taker);
}

}  // namespace keyway::cluster
