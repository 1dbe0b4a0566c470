// Which node a worker's next read goes to: those that the plan names take turns, without those that have just
// not answered as they should. Owned by the router; one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/read_plan.h"
#include "proxy/routes.h"

namespace keyway::proxy {

class Readers {
 public:
  static constexpr int64_t kSpareMs = 1000;

  void apply(const ReadPlan& plan, Routes& routes);

  // False: every read is its owner's.
  bool any() const { return any_; }
  // The place of the node that answers the next read of `slot`, which `owner` owns; kNobody: the owner does.
  uint16_t next(uint16_t slot, uint16_t owner, int64_t now_ms);
  // The node has not answered as it should: it is left alone for kSpareMs.
  void spare(uint16_t place, int64_t now_ms);

 private:
  struct Group {
    std::vector<uint16_t> places;
    uint32_t turn = 0;
  };

  bool is_spared(uint16_t place, int64_t now_ms) const {
    return place < spared_until_ms_.size() && spared_until_ms_[place] > now_ms;
  }

  bool any_ = false;
  std::vector<Group> groups_;  // by the owner's place
  std::vector<int64_t> spared_until_ms_;
  cluster::SlotSet moving_;
};

}  // namespace keyway::proxy
