#include "admin/move_successor.h"

#include <algorithm>

#include "base/format.h"

namespace keyway::admin {

std::vector<std::string> shard_of(const cluster::Knowledge& knowledge, const std::string& id) {
  const cluster::KnownNode* primary = knowledge.find(id);
  std::vector<std::string> ids = {id};
  for (const auto& [other_id, other] : knowledge.nodes()) {
    if (other_id == id) continue;
    bool same_shard = primary != nullptr && !primary->view.shard_id.empty() &&
                      other.view.shard_id == primary->view.shard_id;
    if (other.view.primary_id == id || same_shard) ids.push_back(other_id);
  }
  return ids;
}

Result<const cluster::NodeFacts*> acting_primary(const cluster::Observed& now,
                                                 const std::vector<std::string>& shard) {
  const cluster::NodeFacts* best = nullptr;
  uint64_t best_epoch = 0;
  for (const cluster::NodeFacts& node : now.nodes) {
    if (!node.answering() || node.server.role != cluster::Role::kPrimary) continue;
    if (std::ranges::find(shard, node.server.id) == shard.end()) continue;
    const cluster::PeerView* own = cluster::own_view(node);
    uint64_t epoch = own == nullptr ? 0 : own->config_epoch;
    if (best != nullptr && epoch <= best_epoch) continue;
    best = &node;
    best_epoch = epoch;
  }
  if (best != nullptr) return best;
  const cluster::NodeFacts* lost = now.find_id(shard.front());
  return fail(ErrorCode::kUnavailable,
              fmt::format("{} is gone and no replica has taken its place",
                          lost == nullptr || lost->address.empty() ? "node " + shard.front()
                                                                   : to_string(lost->address)));
}

cluster::SlotSet orphaned(const cluster::Observed& now, const cluster::SlotSet& slots,
                          const std::vector<std::string>& shard, const std::string& id) {
  cluster::Knowledge knowledge(now);
  cluster::SlotSet orphans;
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    if (!slots[slot]) continue;
    const std::string& owner = knowledge.owner(static_cast<cluster::Slot>(slot));
    bool of_shard = std::ranges::find(shard, owner) != shard.end();
    if (owner != id && (owner.empty() || of_shard)) orphans.set(slot);
  }
  return orphans;
}

}  // namespace keyway::admin
