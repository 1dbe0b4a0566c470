#include "cluster/contact_queue.h"

#include <algorithm>

namespace keyway::cluster {

ContactQueue::ContactQueue(const ExchangeBoard& board)
    : board_(board), contacts_of_(static_cast<size_t>(board.owners()), 0) {
  for (int segment = 0; segment < board_.line().size(); ++segment) add(segment);
  refresh();
}

Contact ContactQueue::contact(int border) const {
  const SlotLine& line = board_.line();
  if (border < 0 || !line.at(border).alive || line.at(border).after < 0) return {};
  int after = line.at(border).after;
  int left = line.at(border).owner;
  int right = line.at(after).owner;
  if (board_.gives(left) && board_.takes(right) && !blocked_.contains({border, Side::kHigh}))
    return {border, Side::kHigh, right};
  if (board_.gives(right) && board_.takes(left) && !blocked_.contains({after, Side::kLow}))
    return {after, Side::kLow, left};
  return {};
}

// To how few one of both can turn. What must go can turn to whoever is at its ends; one who keeps some can
// choose among all the ends of its segments.
int ContactQueue::choices(const Contact& contact) const {
  const Segment& segment = board_.line().at(contact.segment);
  int of_giver = contacts_of_[static_cast<size_t>(segment.owner)];
  if (segment.owner == board_.free_owner()) {
    int beyond = segment.neighbour(opposite(contact.side));
    of_giver = beyond >= 0 && board_.takes(board_.line().at(beyond).owner) ? 2 : 1;
  }
  return std::min(of_giver, contacts_of_[static_cast<size_t>(contact.taker)]);
}

ContactQueue::Urgency ContactQueue::urgency(const Contact& contact) const {
  const Segment& segment = board_.line().at(contact.segment);
  double wanted = board_.party(contact.taker).deficit;
  double load = board_.load(segment);
  bool whole = load < std::min(board_.surplus(segment), wanted) + board_.half();
  int beyond = segment.neighbour(opposite(contact.side));
  if (whole && beyond >= 0 && board_.line().at(beyond).owner == contact.taker)
    return {0, load, segment.first};
  double amount = std::min(board_.supply(segment), wanted);
  int fewest = choices(contact);
  if (fewest == 1) return {1, -amount, segment.first};
  if (board_.near(board_.surplus(segment), wanted)) return {2, -amount, segment.first};
  if (whole) return {3, load, segment.first};
  return {3 + fewest, -amount, segment.first};
}

void ContactQueue::push(int border) {
  Contact found = contact(border);
  if (found.segment >= 0) queue_.emplace(urgency(found), border);
}

bool ContactQueue::counted(int border) const {
  auto at = static_cast<size_t>(border);
  return border >= 0 && at < counted_.size() && counted_[at] != 0;
}

void ContactQueue::add(int border) {
  Contact found = contact(border);
  if (found.segment < 0 || counted(border)) return;
  counted_.resize(std::max(counted_.size(), static_cast<size_t>(border) + 1), 0);
  counted_[static_cast<size_t>(border)] = 1;
  for (int owner : {board_.line().at(found.segment).owner, found.taker}) {
    ++contacts_of_[static_cast<size_t>(owner)];
    touched_.push_back(owner);
  }
  stale_.push_back(border);
}

void ContactQueue::remove(int border) {
  if (!counted(border)) return;
  counted_[static_cast<size_t>(border)] = 0;
  const Segment& before = board_.line().at(border);
  for (int owner : {before.owner, board_.line().at(before.after).owner}) {
    --contacts_of_[static_cast<size_t>(owner)];
    touched_.push_back(owner);
  }
  stale_.push_back(before.before);
  stale_.push_back(before.after);
}

void ContactQueue::block(const Contact& contact) {
  remove(contact.side == Side::kHigh ? contact.segment : board_.line().at(contact.segment).before);
  blocked_.emplace(contact.segment, contact.side);
}

void ContactQueue::refresh() {
  for (int owner : touched_) {
    if (owner == board_.free_owner() || contacts_of_[static_cast<size_t>(owner)] != 1) continue;
    for (int segment : board_.line().of(owner)) {
      stale_.push_back(segment);
      stale_.push_back(board_.line().at(segment).before);
    }
  }
  for (int border : stale_) push(border);
  touched_.clear();
  stale_.clear();
}

Contact ContactQueue::next() {
  while (!queue_.empty()) {
    auto [urgent, border] = queue_.top();
    queue_.pop();
    Contact found = contact(border);
    if (found.segment < 0) continue;
    if (urgency(found) == urgent) return found;
    push(border);
  }
  return {};
}

}  // namespace keyway::cluster
