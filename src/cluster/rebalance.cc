#include "cluster/rebalance.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/range_merge.h"
#include "cluster/slot_exchange.h"

namespace keyway::cluster {

namespace {

constexpr double kTiny = 1e-9;

// Who owns each slot: an index into `holders`, or -1.
Result<std::vector<int>> owners_of(const std::vector<SlotHolder>& holders) {
  std::vector<int> owners(static_cast<size_t>(kSlotCount), -1);
  for (size_t i = 0; i < holders.size(); ++i) {
    for (const SlotRange& range : holders[i].slots) {
      for (int slot = range.first; slot <= range.last; ++slot) {
        int& owner = owners[static_cast<size_t>(slot)];
        if (owner >= 0) {
          return fail(ErrorCode::kInvalidArgument,
                      fmt::format("slot {} is held by {} and by {}", slot,
                                  holders[static_cast<size_t>(owner)].id, holders[i].id));
        }
        owner = static_cast<int>(i);
      }
    }
  }
  return owners;
}

std::vector<SlotMove> moves_between(const std::vector<SlotHolder>& holders, const std::vector<int>& before,
                                    const std::vector<int>& after) {
  std::map<std::pair<int, int>, SlotRanges> pairs;
  for (size_t slot = 0; slot < before.size(); ++slot) {
    if (before[slot] == after[slot]) continue;
    SlotRanges& ranges = pairs[{before[slot], after[slot]}];
    auto at = static_cast<Slot>(slot);
    if (!ranges.empty() && ranges.back().last + 1 == at) {
      ranges.back().last = at;
    } else {
      ranges.push_back({at, at});
    }
  }
  std::vector<SlotMove> moves;
  for (auto& [pair, ranges] : pairs) {
    moves.push_back({holders[static_cast<size_t>(pair.first)].id,
                     holders[static_cast<size_t>(pair.second)].id, std::move(ranges)});
  }
  return moves;
}

Status check(const std::vector<SlotHolder>& holders, const SlotLoads& loads) {
  double sum = 0;
  for (const SlotHolder& holder : holders) {
    if (!std::isfinite(holder.weight) || holder.weight < 0) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("the weight of {} is {}; a weight is a number from 0 on", holder.id, holder.weight));
    }
    sum += holder.weight;
  }
  if (!(sum > 0) || !std::isfinite(sum)) {
    return fail(ErrorCode::kInvalidArgument,
                "no weight is above zero, so nobody is left to hold the slots; give one node a weight");
  }
  bool readable = std::ranges::all_of(loads, [](double load) { return std::isfinite(load) && load >= 0; });
  if (!readable || (!loads.empty() && loads.size() != static_cast<size_t>(kSlotCount))) {
    return fail(ErrorCode::kInvalidArgument, "loads are numbers from 0 on, one for each slot");
  }
  return {};
}

// What each holder has and what it shall have.
struct Ledger {
  std::vector<double> held;
  std::vector<double> shares;

  explicit Ledger(const std::vector<SlotHolder>& holders) : held(holders.size()) {
    std::ranges::transform(holders, held.begin(),
                           [](const SlotHolder& holder) { return count(holder.slots); });
    share_out(holders);
  }
  Ledger(const std::vector<SlotHolder>& holders, const std::vector<int>& owners, const SlotLoads& loads)
      : held(holders.size(), 0) {
    for (size_t slot = 0; slot < owners.size(); ++slot) {
      if (owners[slot] >= 0) held[static_cast<size_t>(owners[slot])] += loads[slot];
    }
    share_out(holders);
  }

  double total() const { return std::accumulate(held.begin(), held.end(), 0.0); }
  double excess(size_t holder) const { return held[holder] - shares[holder]; }

  double worst() const {
    double worst = 0;
    for (size_t i = 0; i < held.size(); ++i) worst = std::max(worst, std::abs(excess(i)));
    return worst;
  }

  // Whether nobody is further from its share than that.
  bool within(double percent, double grain) const {
    for (size_t i = 0; i < held.size(); ++i) {
      if (std::abs(excess(i)) > std::max(shares[i] * percent / 100 + kTiny, grain)) return false;
    }
    return true;
  }

 private:
  void share_out(const std::vector<SlotHolder>& holders) {
    double weights = 0;
    for (const SlotHolder& holder : holders) weights += holder.weight;
    for (const SlotHolder& holder : holders) shares.push_back(total() * (holder.weight / weights));
  }
};

bool drained(const std::vector<SlotHolder>& holders) {
  return std::ranges::all_of(
      holders, [](const SlotHolder& holder) { return holder.weight > 0 || holder.slots.empty(); });
}

// Shares are seldom whole numbers: each holder gets its share rounded down, and some get one slot more, so
// that all slots are held. Those are, as far as possible, holders who have that slot already: so the fewest
// slots move. Where more of them could keep one than there are, or fewer have one than must, the exchange
// chooses.
ExchangeTask by_count(const std::vector<SlotHolder>& holders, std::vector<int> owners, const Ledger& ledger) {
  ExchangeTask task{.owners = std::move(owners), .parties = std::vector<Party>(holders.size())};
  double odd = ledger.total();
  int keeping = 0;
  std::vector<char> fractional(holders.size());
  for (size_t i = 0; i < holders.size(); ++i) {
    double whole = std::floor(ledger.shares[i] + kTiny);
    fractional[i] = ledger.shares[i] - whole > kTiny ? 1 : 0;
    odd -= whole;
    if (fractional[i] != 0 && ledger.held[i] > whole) ++keeping;
  }
  auto odd_slots = static_cast<int>(std::lround(odd));
  task.more_to_give = std::max(0, keeping - odd_slots);
  task.more_to_take = std::max(0, odd_slots - keeping);
  for (size_t i = 0; i < holders.size(); ++i) {
    Party& party = task.parties[i];
    double whole = std::floor(ledger.shares[i] + kTiny);
    bool keeps = fractional[i] != 0 && ledger.held[i] > whole;
    double kept = whole + (keeps ? 1 : 0);
    party.surplus = std::max(0.0, ledger.held[i] - kept);
    party.deficit = std::max(0.0, kept - ledger.held[i]);
    party.flexible = fractional[i] != 0 && (keeps ? task.more_to_give > 0 : task.more_to_take > 0);
    party.gives_all = kept == 0 && !party.flexible;
  }
  return task;
}

ExchangeTask by_load(const std::vector<SlotHolder>& holders, std::vector<int> owners, const Ledger& ledger,
                     const SlotLoads& loads) {
  ExchangeTask task{
      .owners = std::move(owners), .parties = std::vector<Party>(holders.size()), .loads = loads};
  for (size_t i = 0; i < holders.size(); ++i) {
    task.parties[i].surplus = std::max(0.0, ledger.excess(i));
    task.parties[i].deficit = std::max(0.0, -ledger.excess(i));
    task.parties[i].gives_all = holders[i].weight == 0;
  }
  return task;
}

int borders(const std::vector<int>& owners) {
  int borders = 0;
  for (size_t slot = 1; slot < owners.size(); ++slot) borders += owners[slot] != owners[slot - 1] ? 1 : 0;
  return borders;
}

// Whether somebody who keeps slots could give a whole segment: only then is there more than one way. Where
// everything is in pieces one way has to do, for it takes long.
bool scatters(const ExchangeTask& task) {
  constexpr int kManySegments = 4096;
  if (borders(task.owners) > kManySegments) return false;
  std::vector<int> segments(task.parties.size(), 0);
  for (size_t slot = 0; slot < task.owners.size(); ++slot) {
    int owner = task.owners[slot];
    if (owner < 0 || (slot > 0 && task.owners[slot - 1] == owner)) continue;
    const Party& party = task.parties[static_cast<size_t>(owner)];
    if (++segments[static_cast<size_t>(owner)] > 1 && party.surplus > 0 && !party.gives_all) return true;
  }
  return false;
}

// Both ways to exchange, and of those the one that leaves fewer ranges.
std::vector<int> deal(ExchangeTask task) {
  std::vector<HolderBounds> bounds(task.parties.size());
  for (int owner : task.owners) {
    if (owner >= 0) ++bounds[static_cast<size_t>(owner)].least;
  }
  for (size_t i = 0; i < bounds.size(); ++i) {
    const Party& party = task.parties[i];
    bounds[i].takes = party.deficit > 0 || (party.flexible && task.more_to_take > 0);
    bounds[i].least += static_cast<int>(std::lround(party.deficit - party.surplus));
    bounds[i].most = bounds[i].least + (party.flexible && task.more_to_take > 0 ? 1 : 0);
    bounds[i].least -= party.flexible && task.more_to_give > 0 ? 1 : 0;
  }
  std::vector<int> best;
  for (bool scatter : {false, true}) {
    if (scatter && !scatters(task)) break;
    task.scatter = scatter;
    std::vector<int> after = exchange_slots(task);
    if (task.loads.empty()) after = merge_ranges(task.owners, after, bounds);
    if (best.empty() || borders(after) < borders(best)) best = std::move(after);
  }
  return best;
}

// Single slots from who has most too much to who lacks most, as long as that brings the worse of the two
// nearer to its share: in the end nobody is further from its share than the heaviest slot weighs.
void settle(const std::vector<SlotHolder>& holders, std::vector<int>& owners, const SlotLoads& loads) {
  Ledger ledger(holders, owners, loads);
  for (int round = 0; round < kSlotCount; ++round) {
    size_t giver = 0;
    size_t taker = holders.size();
    for (size_t i = 0; i < holders.size(); ++i) {
      if (ledger.excess(i) > ledger.excess(giver)) giver = i;
      if (holders[i].weight > 0 && (taker == holders.size() || ledger.excess(i) < ledger.excess(taker)))
        taker = i;
    }
    double over = ledger.excess(giver);
    double under = -ledger.excess(taker);
    double best_left = std::max(over, under) * (1 - kTiny);
    int best = -1;
    for (int slot = 0; slot < kSlotCount; ++slot) {
      auto at = static_cast<size_t>(slot);
      if (owners[at] != static_cast<int>(giver)) continue;
      double left = std::max(std::abs(over - loads[at]), std::abs(under - loads[at]));
      if (left < best_left) {
        best_left = left;
        best = slot;
      }
    }
    if (best < 0) return;
    auto at = static_cast<size_t>(best);
    owners[at] = static_cast<int>(taker);
    ledger.held[giver] -= loads[at];
    ledger.held[taker] += loads[at];
  }
}

}  // namespace

Result<std::vector<SlotMove>> rebalance(const std::vector<SlotHolder>& holders,
                                        const RebalanceOptions& options) {
  if (Status readable = check(holders, options.loads); !readable) return fail(readable.error());
  auto owners = owners_of(holders);
  if (!owners) return fail(owners.error());
  std::vector<SlotMove> none;
  Ledger ledger = options.loads.empty() ? Ledger(holders) : Ledger(holders, *owners, options.loads);
  bool weighed = !options.loads.empty() && ledger.total() > 0;
  if (!weighed) {
    Ledger slots(holders);
    // With its share rounded up or down everybody has what is right.
    if (slots.within(options.threshold_percent, 1 - kTiny) && drained(holders)) return none;
    return moves_between(holders, *owners, deal(by_count(holders, *owners, slots)));
  }
  if (ledger.within(options.threshold_percent, 0) && drained(holders)) return none;
  std::vector<int> after = deal(by_load(holders, *owners, ledger, options.loads));
  settle(holders, after, options.loads);
  bool better = Ledger(holders, after, options.loads).worst() < ledger.worst() - kTiny * ledger.total();
  if (!better && drained(holders)) return none;
  return moves_between(holders, *owners, after);
}

Result<std::vector<SlotMove>> take_slots(const std::vector<SlotHolder>& from, const SlotHolder& to,
                                         int count) {
  std::vector<SlotHolder> holders = from;
  holders.push_back(to);
  auto owners = owners_of(holders);
  if (!owners) return fail(owners.error());
  auto owned = [&](size_t i) { return int64_t{cluster::count(from[i].slots)}; };
  int64_t held = 0;
  for (size_t i = 0; i < from.size(); ++i) held += owned(i);
  if (count < 1 || count > held) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} cannot be taken from {}, which {} {}", count_of(count, "slot"),
                            from.size() == 1 ? from.front().id : count_of(std::ssize(from), "node"),
                            from.size() == 1 ? "holds" : "hold", held));
  }
  ExchangeTask task{.owners = *owners, .parties = std::vector<Party>(holders.size())};
  std::vector<size_t> by_remainder(from.size());
  std::iota(by_remainder.begin(), by_remainder.end(), 0);
  std::ranges::stable_sort(by_remainder, [&](size_t left, size_t right) {
    return owned(left) * count % held > owned(right) * count % held;
  });
  auto left = static_cast<size_t>(count);
  for (size_t i = 0; i < from.size(); ++i) {
    int64_t part = owned(i) * count / held;
    task.parties[i].surplus = static_cast<double>(part);
    left -= static_cast<size_t>(part);
  }
  for (size_t i = 0; i < left; ++i) task.parties[by_remainder[i]].surplus += 1;
  for (size_t i = 0; i < from.size(); ++i)
    task.parties[i].gives_all = task.parties[i].surplus == static_cast<double>(owned(i));
  task.parties.back().deficit = count;
  return moves_between(holders, *owners, deal(std::move(task)));
}

int ranges_after(const std::vector<SlotHolder>& holders, const std::vector<SlotMove>& moves) {
  std::map<std::string, SlotSet> sets;
  for (const SlotHolder& holder : holders) sets[holder.id] |= to_set(holder.slots);
  for (const SlotMove& move : moves) {
    sets[move.from] &= ~to_set(move.slots);
    sets[move.to] |= to_set(move.slots);
  }
  int ranges = 0;
  for (const auto& [id, set] : sets) ranges += static_cast<int>(to_ranges(set).size());
  return ranges;
}

}  // namespace keyway::cluster
