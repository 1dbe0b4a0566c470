// Which slots those who have too many give to those who have too few, when it is settled how much each gives
// and takes: such that few ranges are left. Pure.
#pragma once

#include <vector>

#include "cluster/rebalance.h"

namespace keyway::cluster {

// One who gives, takes or does neither: in slots, or with loads in what they weigh.
struct Party {
  double surplus = 0;
  double deficit = 0;
  bool gives_all = false;  // ends without any slot
  bool flexible = false;   // may give or take one slot more
};

struct ExchangeTask {
  std::vector<int> owners;  // by slot: index into `parties`, or -1: nobody
  std::vector<Party> parties;
  // So many of the flexible parties give, or take, one slot more. Without loads only; one of the two is 0.
  int more_to_give = 0;
  int more_to_take = 0;
  // Who keeps slots may give whole segments to those who touch neither of their ends: in one step that leaves
  // fewer ranges now and then, over many steps back and forth it leaves more.
  bool scatter = false;
  SlotLoads loads = {};  // empty: each slot weighs 1
};

// The owner of each slot afterwards. Without loads every surplus and deficit is met exactly; with loads as
// nearly as slots at the ends of segments allow.
std::vector<int> exchange_slots(ExchangeTask task);

}  // namespace keyway::cluster
