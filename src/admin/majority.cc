#include "admin/majority.h"

#include <vector>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"

namespace keyway::admin {

Status check_majority(const cluster::Observed& observed) {
  cluster::Knowledge knowledge(observed);
  size_t all = 0;
  std::vector<std::string> silent;
  for (const auto& [id, known] : knowledge.nodes()) {
    if (!known.view.primary || known.view.slots.empty()) continue;
    ++all;
    bool answers = known.facts != nullptr && known.facts->answering();
    if (!answers) silent.push_back(known.facts == nullptr ? id : known.facts->name);
  }
  if (silent.size() * 2 < all || all == 0) return {};
  return fail(ErrorCode::kUnavailable,
              fmt::format("{} of {} primaries with slots do not answer ({}): the cluster has no majority; "
                          "bring them back first",
                          silent.size(), all, join(silent, ", ")));
}

}  // namespace keyway::admin
