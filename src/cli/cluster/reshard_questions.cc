#include "cli/cluster/reshard_questions.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"

namespace keyway::cli {

namespace {

constexpr int kTries = 3;

tl::unexpected<Error> nobody(std::string_view what) {
  return fail(ErrorCode::kConflict, fmt::format("nobody said {}; nothing was changed", what));
}

// Asks until `read` takes the answer, a few times at most.
template <typename Read>
Status ask_until(std::string_view question, std::string_view what, const Ask& ask, const Say& say,
                 Read read) {
  for (int tries = 0; tries < kTries; ++tries) {
    std::optional<std::string> answer = ask(question);
    if (!answer) return nobody(what);
    Status taken = read(std::string(trim(*answer)));
    if (taken) return {};
    say("*** " + taken.error().message);
  }
  return nobody(what);
}

Result<std::string> id_of(const cluster::Observed& observed, const std::string& name) {
  Result<const cluster::NodeFacts*> node = admin::find_node(observed, name);
  if (!node) return fail(node.error());
  return cluster::effective_id(**node);
}

Status ask_for_slots(ReshardRequest& reshard, const Ask& ask, const Say& say) {
  std::string question =
      fmt::format("How many slots do you want to move (from 1 to {})? ", cluster::kSlotCount);
  return ask_until(question, "how many slots shall move", ask, say, [&](const std::string& answer) -> Status {
    std::optional<int64_t> slots = parse_int(answer);
    if (!slots || *slots < 1 || *slots > cluster::kSlotCount) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("\"{}\" is not a number from 1 to {}", answer, cluster::kSlotCount));
    }
    reshard.options.slots = static_cast<int>(*slots);
    return {};
  });
}

Status ask_for_target(ReshardRequest& reshard, const cluster::Observed& observed, const Ask& ask,
                      const Say& say) {
  return ask_until("What is the receiving node ID? ", "which node gets the slots", ask, say,
                   [&](const std::string& answer) -> Status {
                     Result<std::string> id = id_of(observed, answer);
                     if (!id) return fail(id.error());
                     reshard.options.to = *id;
                     return {};
                   });
}

// "all", or ids until "done".
Status ask_for_sources(ReshardRequest& reshard, const cluster::Observed& observed, const Ask& ask,
                       const Say& say) {
  say("Please enter all the source node IDs.");
  say("  Type 'all' to use all the nodes as source nodes for the hash slots.");
  say("  Type 'done' once you entered all the source nodes IDs.");
  std::vector<std::string>& from = reshard.options.from;
  bool done = false;
  auto read = [&](const std::string& answer) -> Status {
    reshard.all_sources = answer == "all";
    done = answer == "done" || reshard.all_sources;
    if (reshard.all_sources) from.clear();
    if (done && from.empty() && !reshard.all_sources) {
      done = false;
      return fail(ErrorCode::kInvalidArgument, "no source node was given; type an ID, or 'all'");
    }
    if (done) return {};
    Result<std::string> id = id_of(observed, answer);
    if (!id) return fail(id.error());
    if (std::ranges::find(from, *id) == from.end()) from.push_back(*id);
    return {};
  };
  // There are no more sources than nodes, and then "done".
  for (size_t i = 0; i <= observed.nodes.size() && !done; ++i) {
    std::string question = fmt::format("Source node #{}: ", i + 1);
    if (Status asked = ask_until(question, "where the slots come from", ask, say, read); !asked) return asked;
  }
  if (!done) return nobody("'done' after the source nodes");
  return {};
}

}  // namespace

Status ask_for_missing(ReshardRequest& reshard, const cluster::Observed& observed, const Ask& ask,
                       const Say& say) {
  Status status;
  if (reshard.options.slots == 0) status = ask_for_slots(reshard, ask, say);
  if (status && reshard.options.to.empty()) status = ask_for_target(reshard, observed, ask, say);
  if (status && reshard.options.from.empty() && !reshard.all_sources)
    status = ask_for_sources(reshard, observed, ask, say);
  return status;
}

}  // namespace keyway::cli
