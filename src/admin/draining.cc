#include "admin/draining.h"

#include <functional>
#include <queue>
#include <utility>

#include "base/format.h"
#include "cluster/rebalance.h"

namespace keyway::admin {

namespace {

using cluster::SlotHolder;

// Raises the weights, which are what each has, by `slots` in all, always the lowest one.
void share_out(int slots, std::vector<SlotHolder>& holders) {
  using Level = std::pair<double, size_t>;
  std::priority_queue<Level, std::vector<Level>, std::greater<>> lowest;
  for (size_t i = 0; i < holders.size(); ++i) lowest.emplace(holders[i].weight, i);
  for (; slots > 0; --slots) {
    auto [level, index] = lowest.top();
    lowest.pop();
    holders[index].weight = level + 1;
    lowest.emplace(level + 1, index);
  }
}

}  // namespace

Result<std::vector<cluster::SlotMove>> drain_moves(const cluster::Knowledge& knowledge,
                                                   const std::string& leaving_id) {
  const cluster::KnownNode* leaving = knowledge.find(leaving_id);
  if (leaving == nullptr || leaving->view.slots.empty()) return std::vector<cluster::SlotMove>{};
  std::vector<SlotHolder> holders;
  for (const auto& [id, known] : knowledge.nodes()) {
    bool answers = known.facts != nullptr && known.facts->answering();
    if (!known.view.primary || !answers || id == leaving_id) continue;
    holders.push_back({id, known.view.slots, static_cast<double>(cluster::count(known.view.slots))});
  }
  if (holders.empty()) {
    return fail(ErrorCode::kConflict,
                fmt::format("no other primary answers that could take the slots of {}", leaving_id));
  }
  share_out(cluster::count(leaving->view.slots), holders);
  holders.push_back({leaving_id, leaving->view.slots, 0});
  return cluster::rebalance(holders, {});
}

}  // namespace keyway::admin
