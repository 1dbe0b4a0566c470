#include "admin/homes.h"

#include <algorithm>

#include "admin/look.h"

namespace keyway::admin {

namespace {

using cluster::Knowledge;
using cluster::KnownNode;

bool is_one_of(const std::vector<std::string>& ids, const std::string& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

std::vector<const KnownNode*> candidates(const Knowledge& knowledge, const std::vector<std::string>& but,
                                         bool empty_too) {
  std::vector<const KnownNode*> with_slots;
  std::vector<const KnownNode*> empty;
  for (const auto& [id, known] : knowledge.nodes()) {
    bool answers = known.facts != nullptr && known.facts->answering();
    if (!known.view.primary || !answers || is_one_of(but, id)) continue;
    (known.view.slots.empty() && !empty_too ? empty : with_slots).push_back(&known);
  }
  return with_slots.empty() ? empty : with_slots;
}

}  // namespace

std::vector<std::string> homes_for(const Session& session, const cluster::Observed& observed,
                                   const std::vector<cluster::Site>& replicas,
                                   const std::vector<std::string>& but, bool empty_too) {
  Knowledge knowledge(observed);
  std::vector<const KnownNode*> primaries = candidates(knowledge, but, empty_too);
  if (primaries.empty() || replicas.empty()) return {};
  std::vector<cluster::ShardSites> shards;
  for (const KnownNode* primary : primaries) {
    cluster::ShardSites& shard = shards.emplace_back();
    shard.nodes.push_back(site_of(session, observed, *primary->facts));
    for (const auto& [id, known] : knowledge.nodes()) {
      bool follows = !known.view.primary && known.view.primary_id == primary->view.id && !is_one_of(but, id);
      if (follows && known.facts != nullptr) shard.nodes.push_back(site_of(session, observed, *known.facts));
    }
  }
  std::vector<std::string> homes;
  for (size_t shard : cluster::place_replicas(shards, replicas)) homes.push_back(primaries[shard]->view.id);
  return homes;
}

}  // namespace keyway::admin
