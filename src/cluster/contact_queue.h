// The borders between those who give slots and those who take some, the most urgent first. Internal to
// slot_exchange; one thread.
#pragma once

#include <queue>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "cluster/exchange_board.h"

namespace keyway::cluster {

// The end of a giver's segment that touches somebody who takes.
struct Contact {
  int segment = -1;  // -1: none
  Side side = Side::kLow;
  int taker = -1;
};

// Borders are named by the segment before them. Whoever changes the board says so: removes the borders that
// will not be the same, adds those that are there afterwards, and calls refresh.
class ContactQueue {
 public:
  explicit ContactQueue(const ExchangeBoard& board);

  void add(int border);
  void remove(int border);
  // Nobody can be served at this end of a segment: its outermost slot is too heavy.
  void block(const Contact& contact);
  // What changed makes other borders more or less urgent.
  void refresh();

  // The most urgent contact, which leaves the queue; segment -1: there is none.
  Contact next();

 private:
  // Rank, size, slot: the smallest is the most urgent. Ranks: a segment between two of the same taker; whose
  // giver or taker can turn to nobody else; giver and taker satisfy each other; a segment that goes as a
  // whole; the others, by how many others they can turn to.
  using Urgency = std::tuple<int, double, int>;
  using Entry = std::pair<Urgency, int>;

  Contact contact(int border) const;
  int choices(const Contact& contact) const;
  Urgency urgency(const Contact& contact) const;
  void push(int border);
  bool counted(int border) const;

  const ExchangeBoard& board_;
  std::vector<int> contacts_of_;            // by owner: how many
  std::vector<char> counted_;               // by border: is in contacts_of_
  std::set<std::pair<int, Side>> blocked_;  // segments, with their ends
  std::vector<int> stale_;                  // borders, and
  std::vector<int> touched_;                // owners, whose urgency may have changed
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
};

}  // namespace keyway::cluster
