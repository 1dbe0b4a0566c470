#include "cluster/slot_exchange.h"

#include <algorithm>
#include <queue>
#include <tuple>
#include <utility>

#include "cluster/contact_queue.h"
#include "cluster/exchange_board.h"

namespace keyway::cluster {

namespace {

// So many ends of segments are looked at for one new place. More than there are but where everything is in
// pieces, and there one piece is as good as another.
constexpr int kPlaces = 2048;

// Ranges are counted by their borders. A border is saved when a whole segment goes to the owner next to it,
// none is added when a segment's end does, and one is added when it goes to somebody else. So who touches is
// served first, and among those whoever has the fewest others to turn to (as in Karp and Sipser, "Maximum
// matchings in sparse random graphs", 1981: on a line that is the optimum). What then has nobody next to it
// goes where most are satisfied at the price of one border.
class Exchange {
 public:
  explicit Exchange(ExchangeTask task)
      : scatter_(task.scatter), board_(std::move(task)), contacts_(board_), line_(board_.line()) {
    for (int segment = 0; segment < line_.size(); ++segment) offer_whole(segment);
  }

  std::vector<int> run() {
    while (serve_contact() || give_whole() || plant() || grant()) {
    }
    give_rest();
    std::vector<int> owners = line_.owners();
    for (int& owner : owners) {
      if (owner >= board_.parties()) owner = -1;
    }
    return owners;
  }

 private:
  // A place for a taker that touches no giver: the end of a giver's segment.
  struct Seed {
    int segment = -1;
    Side side = Side::kLow;
    int taker = -1;
    std::tuple<int, int, double, int> merit;  // the greatest is the best
  };

  // The borders of a segment and the next ones on both sides.
  std::vector<int> borders_around(int segment) const {
    const Segment& middle = line_.at(segment);
    std::vector<int> borders{segment, middle.before, middle.after};
    if (middle.before >= 0) borders.push_back(line_.at(middle.before).before);
    return borders;
  }

  // The party began or ceased to give or to take.
  void recount(int owner) {
    for (int segment : line_.of(owner)) {
      for (int border : {segment, line_.at(segment).before}) {
        contacts_.remove(border);
        contacts_.add(border);
      }
      offer_whole(segment);
    }
  }

  void offer_whole(int segment) {
    const Segment& offered = line_.at(segment);
    if (board_.gives(offered.owner)) wholes_.emplace(board_.load(offered), -offered.first, segment);
  }

  void grant_to(int owner) {
    board_.grant(owner);
    recount(owner);
  }

  void transfer(int segment, Side side, int slots, int taker) {
    int giver = line_.at(segment).owner;
    for (int border : borders_around(segment)) contacts_.remove(border);
    int piece = board_.hand_over(segment, side, slots, taker);
    for (int border : borders_around(piece)) contacts_.add(border);
    if (line_.at(segment).alive && line_.at(segment).owner == giver) {
      contacts_.add(segment);
      offer_whole(segment);
    }
    if (!board_.gives(giver)) recount(giver);
    if (!board_.takes(taker)) recount(taker);
    contacts_.refresh();
  }

  // Gives as much as one has and the other lacks; false if not even one slot would be right.
  bool serve(int segment, Side side, int taker) {
    const Segment& from = line_.at(segment);
    double missing = board_.party(taker).deficit - board_.supply(from);
    bool has_more = board_.load(from) > board_.supply(from) + board_.half();
    if (board_.near(missing, 1) && board_.may_give_more(from.owner) && has_more) {
      grant_to(from.owner);
    } else if (board_.near(missing, -1) && board_.may_take_more(taker)) {
      grant_to(taker);
    }
    int slots = board_.cut(segment, side, std::min(board_.supply(from), board_.party(taker).deficit));
    if (slots == 0) return false;
    transfer(segment, side, slots, taker);
    return true;
  }

  // --- What can be done, the cheapest first. Each is true if it did something.

  bool serve_contact() {
    Contact contact = contacts_.next();
    if (contact.segment < 0) return false;
    if (!serve(contact.segment, contact.side, contact.taker)) {
      contacts_.block(contact);
      contacts_.refresh();
    }
    return true;
  }

  // A segment that goes as a whole costs no border, whoever gets it: the largest first, to one who lacks just
  // that, else to who lacks most. One who keeps others gives it away from its place only if that is all it
  // has to give: else slots of it that come back would not touch it any more. With `scatter` it does.
  bool give_whole() {
    while (!wholes_.empty() && board_.neediest() >= 0) {
      auto [load, slot, segment] = wholes_.top();
      wholes_.pop();
      const Segment& from = line_.at(segment);
      if (!from.alive || !board_.gives(from.owner) || board_.load(from) != load) continue;
      bool fits =
          scatter_ ? board_.surplus(from) > load - board_.half() : board_.near(board_.surplus(from), load);
      int taker = board_.neediest();
      if (!fits || board_.party(taker).deficit < load - board_.half()) continue;
      int exact = board_.fitting(load, 0);
      if (exact >= 0) taker = exact;
      if (board_.party(taker).deficit < load - board_.half()) grant_to(taker);
      transfer(segment, Side::kLow, from.size(), taker);
      return true;
    }
    return false;
  }

  // How many neighbours each giver has that give too.
  std::vector<int> count_peers() const {
    std::vector<int> peers(static_cast<size_t>(board_.owners()), 0);
    for (int segment = 0; segment < line_.size(); ++segment) {
      const Segment& left = line_.at(segment);
      if (!left.alive || left.after < 0) continue;
      int right = line_.at(left.after).owner;
      if (!board_.gives(left.owner) || !board_.gives(right)) continue;
      ++peers[static_cast<size_t>(left.owner)];
      ++peers[static_cast<size_t>(right)];
    }
    return peers;
  }

  // What it would bring to put somebody at that end of the segment: how many givers and takers have all they
  // want thereby.
  void consider(Seed& best, int segment, Side side, const std::vector<int>& peers) const {
    const Segment& from = line_.at(segment);
    int beside = from.neighbour(side);
    bool paired = beside >= 0 && board_.gives(line_.at(beside).owner);
    double here = board_.supply(from);
    double there = paired ? board_.supply(line_.at(beside)) : 0;
    int slack_here = board_.may_give_more(from.owner) ? 1 : 0;
    int slack = slack_here + (paired && board_.may_give_more(line_.at(beside).owner) ? 1 : 0);
    int taker = paired ? board_.fitting(here + there, slack) : -1;
    if (taker < 0) taker = board_.fitting(here, slack_here);
    if (taker < 0) taker = board_.neediest();
    double wanted = board_.party(taker).deficit;
    double first = std::min(here, wanted);
    double second = std::min(there, wanted - first);
    if (board_.cut(segment, side, first) == 0) return;
    int satisfied = (first > board_.surplus(from) - board_.half() ? 1 : 0) +
                    (paired && second > board_.surplus(line_.at(beside)) - board_.half() ? 1 : 0) +
                    (first + second > wanted - board_.half() - slack ? 1 : 0);
    int others = peers[static_cast<size_t>(from.owner)];
    if (second > 0) others = std::min(others, peers[static_cast<size_t>(line_.at(beside).owner)]);
    Seed seed{segment, side, taker, {satisfied, -others, first + second, -from.first}};
    if (best.segment < 0 || seed.merit > best.merit) best = seed;
  }

  bool plant() {
    if (board_.neediest() < 0) return false;
    Seed best;
    std::vector<int> peers = count_peers();
    int places = 0;
    for (int segment = 0; segment < line_.size() && places < kPlaces; ++segment) {
      if (!line_.at(segment).alive || !board_.gives(line_.at(segment).owner)) continue;
      places += 2;
      for (Side side : {Side::kHigh, Side::kLow}) consider(best, segment, side, peers);
    }
    return best.segment >= 0 && serve(best.segment, best.side, best.taker);
  }

  // One slot more, from or to somebody who is flexible: at best where that touches who waits for it.
  bool grant() {
    if (!board_.more_wanted()) return false;
    int chosen = -1;
    bool touches = false;
    for (int segment = 0; segment < line_.size() && !touches; ++segment) {
      const Segment& here = line_.at(segment);
      if (!here.alive || here.owner >= board_.parties() || !board_.party(here.owner).flexible) continue;
      for (int beside : {here.before, here.after}) {
        if (beside < 0) continue;
        int other = line_.at(beside).owner;
        touches = touches || (board_.more_to_give() ? board_.takes(other) : board_.gives(other));
      }
      if (touches || chosen < 0) chosen = here.owner;
    }
    for (int i = 0; chosen < 0 && i < board_.parties(); ++i) {
      if (board_.party(i).flexible) chosen = i;
    }
    if (chosen < 0) return false;
    grant_to(chosen);
    contacts_.refresh();
    return true;
  }

  // With loads: what must go though nobody lacks anything any more goes to who has the least of both
  // neighbours, else of all.
  void give_rest() {
    while (!line_.of(board_.free_owner()).empty()) {
      int segment = line_.of(board_.free_owner()).front();
      int taker = -1;
      auto propose = [&](int owner) {
        if (owner >= board_.parties() || board_.party(owner).gives_all) return;
        auto excess = [&](int of) { return board_.party(of).surplus - board_.party(of).deficit; };
        if (taker < 0 || excess(owner) < excess(taker)) taker = owner;
      };
      for (int beside : {line_.at(segment).before, line_.at(segment).after}) {
        if (beside >= 0) propose(line_.at(beside).owner);
      }
      bool touched = taker >= 0;
      for (int i = 0; !touched && i < board_.parties(); ++i) propose(i);
      if (taker < 0) return;
      transfer(segment, Side::kLow, line_.at(segment).size(), taker);
    }
  }

  bool scatter_;
  ExchangeBoard board_;
  ContactQueue contacts_;
  const SlotLine& line_;
  std::priority_queue<std::tuple<double, int, int>> wholes_;  // load, slot (the lowest first), segment
};

}  // namespace

std::vector<int> exchange_slots(ExchangeTask task) { return Exchange(std::move(task)).run(); }

}  // namespace keyway::cluster
