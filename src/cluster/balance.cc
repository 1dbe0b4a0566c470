#include "cluster/balance.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace keyway::cluster {

namespace {

// A run of slots that a shard gives away.
struct Offer {
  size_t from = 0;
  SlotRange range;
};

int length(const SlotRange& range) { return range.last - range.first + 1; }

// How many slots each shard shall have. The odd ones go to those that have most already, so that the fewest
// slots move.
std::vector<int> even_targets(const std::vector<ShardSlots>& shards, const std::vector<int>& owned) {
  std::vector<size_t> staying;
  for (size_t i = 0; i < shards.size(); ++i) {
    if (!shards[i].leaving) staying.push_back(i);
  }
  std::vector<int> targets(shards.size(), 0);
  if (staying.empty()) return owned;
  int total = std::accumulate(owned.begin(), owned.end(), 0);
  auto share_count = static_cast<int>(staying.size());
  for (size_t i : staying) targets[i] = total / share_count;
  std::ranges::stable_sort(staying, [&](size_t left, size_t right) { return owned[left] > owned[right]; });
  for (int odd = 0; odd < total % share_count; ++odd) ++targets[staying[static_cast<size_t>(odd)]];
  return targets;
}

// Which slots a shard gives: whole small ranges while they fit, so that ranges become fewer, then the end of
// its last range.
void offer(std::vector<Offer>& offers, size_t from, SlotRanges ranges, int surplus) {
  std::ranges::stable_sort(
      ranges, [](const SlotRange& left, const SlotRange& right) { return length(left) < length(right); });
  for (const SlotRange& range : ranges) {
    if (surplus <= 0) return;
    int given = std::min(surplus, length(range));
    offers.push_back({from, {static_cast<Slot>(range.last - given + 1), range.last}});
    surplus -= given;
  }
}

bool touches(const SlotRanges& ranges, const SlotRange& range) {
  return std::ranges::any_of(ranges, [&](const SlotRange& own) {
    return own.last + 1 == range.first || range.last + 1 == own.first;
  });
}

class Exchange {
 public:
  explicit Exchange(const std::vector<ShardSlots>& shards) : shards_(shards) {
    for (const ShardSlots& shard : shards) owned_.push_back(count(shard.slots));
    targets_ = even_targets(shards, owned_);
  }

  std::vector<SlotMove> run() {
    for (size_t i = 0; i < shards_.size(); ++i) offer(offers_, i, shards_[i].slots, owned_[i] - targets_[i]);
    for (size_t i = 0; i < shards_.size(); ++i) {
      int wanted = targets_[i] - owned_[i];
      SlotRanges own = shards_[i].slots;
      while (wanted > 0 && !offers_.empty()) wanted -= take(i, own, wanted);
    }
    std::vector<SlotMove> moves;
    for (auto& [pair, ranges] : moves_) {
      moves.push_back({shards_[pair.first].shard, shards_[pair.second].shard, normalize(std::move(ranges))});
    }
    return moves;
  }

 private:
  // Takes from the offer that lengthens a range the shard has, else from the first; at its lower end if that
  // is what touches.
  int take(size_t to, SlotRanges& own, int wanted) {
    auto at = std::ranges::find_if(offers_, [&](const Offer& o) { return touches(own, o.range); });
    if (at == offers_.end()) at = offers_.begin();
    int taken = std::min(wanted, length(at->range));
    bool from_top =
        std::ranges::any_of(own, [&](const SlotRange& range) { return at->range.last + 1 == range.first; });
    SlotRange piece = at->range;
    if (from_top) {
      piece.first = static_cast<Slot>(piece.last - taken + 1);
    } else {
      piece.last = static_cast<Slot>(piece.first + taken - 1);
    }
    moves_[{at->from, to}].push_back(piece);
    own.push_back(piece);
    own = normalize(std::move(own));
    if (taken == length(at->range)) {
      offers_.erase(at);
    } else if (from_top) {
      at->range.last = static_cast<Slot>(piece.first - 1);
    } else {
      at->range.first = static_cast<Slot>(piece.last + 1);
    }
    return taken;
  }

  const std::vector<ShardSlots>& shards_;
  std::vector<int> owned_;
  std::vector<int> targets_;
  std::vector<Offer> offers_;
  std::map<std::pair<size_t, size_t>, SlotRanges> moves_;
};

std::vector<SlotMove> to_explicit(const std::vector<ShardSlots>& shards) {
  std::vector<SlotMove> moves;
  for (const ShardSlots& to : shards) {
    SlotSet wanted = to.leaving || !to.explicit_slots ? SlotSet{} : to_set(*to.explicit_slots);
    for (const ShardSlots& from : shards) {
      SlotSet moving = to_set(from.slots) & wanted;
      if (&from != &to && moving.any()) moves.push_back({from.shard, to.shard, to_ranges(moving)});
    }
  }
  return moves;
}

}  // namespace

std::vector<SlotMove> balance(const std::vector<ShardSlots>& shards) {
  bool by_hand =
      std::ranges::any_of(shards, [](const ShardSlots& shard) { return shard.explicit_slots.has_value(); });
  return by_hand ? to_explicit(shards) : Exchange(shards).run();
}

}  // namespace keyway::cluster
