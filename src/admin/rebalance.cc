#include "cluster/rebalance.h"

#include <algorithm>
#include <map>

#include "admin/change.h"
#include "admin/reshard.h"
#include "base/format.h"
#include "base/strings.h"
#include "engine/slot_loads.h"

namespace keyway::admin {

namespace {

using cluster::KnownNode;
using cluster::NodeFacts;
using cluster::SlotHolder;
using cluster::SlotMove;
using cluster::SlotSet;

Result<std::map<std::string, double>> weights_by_id(const Ground& ground,
                                                    const std::map<std::string, double>& named) {
  std::map<std::string, double> weights;
  for (const auto& [name, weight] : named) {
    Result<const KnownNode*> node = find_primary(ground, name, "a weight");
    if (!node) return fail(node.error());
    auto [at, added] = weights.emplace((*node)->view.id, weight);
    if (!added && at->second != weight) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("two weights were given for {}: {} and {}", at->first, at->second, weight));
    }
  }
  return weights;
}

// All primaries that take part. An empty one does if that was asked for, or if it was given a weight.
Result<std::vector<SlotHolder>> holders_of(const Ground& ground, const RebalanceOptions& options) {
  auto weights = weights_by_id(ground, options.weights);
  if (!weights) return fail(weights.error());
  std::vector<SlotHolder> holders;
  for (const auto& [id, known] : ground.knowledge->nodes()) {
    if (!known.view.primary) continue;
    bool answers = known.facts != nullptr && known.facts->answering();
    if (!answers && !known.view.slots.empty()) {
      return fail(
          ErrorCode::kUnavailable,
          fmt::format("{} ({}) does not answer, and holds {}; bring it back, or run fix", id,
                      to_string(known.view.address), count_of(cluster::count(known.view.slots), "slot")));
    }
    auto weight = weights->find(id);
    bool takes_part = !known.view.slots.empty() || options.use_empty_primaries || weight != weights->end();
    if (!answers || !takes_part) continue;
    holders.push_back({id, known.view.slots, weight == weights->end() ? 1 : weight->second});
  }
  return holders;
}

Result<cluster::SlotLoads> loads_of(Session& session, const Ground& ground, LoadKind by) {
  if (by == LoadKind::kSlots) return cluster::SlotLoads{};
  auto measure = by == LoadKind::kMemory ? engine::LoadMeasure::kMemory : engine::LoadMeasure::kOps;
  auto loads = engine::slot_loads(session.servers, ground.observed, measure, session.timeout_ms);
  if (!loads) return fail(loads.error());
  if (std::ranges::all_of(loads->loads, [](double load) { return load == 0; })) {
    session.reporter.note(by == LoadKind::kMemory ? "the cluster holds no keys, so slots are counted instead"
                                                  : "no node has any traffic, so slots are counted instead");
    return cluster::SlotLoads{};
  }
  for (const std::string& estimate : loads->estimates) session.reporter.note(estimate);
  return std::move(loads->loads);
}

// Slots that an interrupted rebalance left open.
Result<Remainder> begun(const Ground& ground, const MoveJournal& journal) {
  Remainder open;
  auto planned = journal.read();
  if (!planned) return fail(planned.error());
  if (!*planned) return open;
  SlotSet flagged;
  for (const NodeFacts& node : ground.observed.nodes) {
    if (!node.answering()) continue;
    for (const cluster::OpenSlot& slot : node.server.open_slots) flagged.set(slot.slot);
  }
  for (const SlotMove& move : **planned) {
    cluster::SlotRanges slots = cluster::to_ranges(cluster::to_set(move.slots) & flagged);
    Remainder one = remainder_of(ground, {{move.from, move.to, slots}});
    if (!one.misfit.empty()) continue;
    open.planned.insert(open.planned.end(), one.planned.begin(), one.planned.end());
    open.moves.insert(open.moves.end(), one.moves.begin(), one.moves.end());
  }
  return open;
}

void add(MoveResult& sum, const MoveResult& part) {
  sum.slots += part.slots;
  sum.keys += part.keys;
  sum.bytes = sum.bytes < 0 || part.bytes < 0 ? -1 : sum.bytes + part.bytes;
  sum.elapsed_ms += part.elapsed_ms;
}

}  // namespace

Result<MoveResult> rebalance(Session& session, const Address& seed, const RebalanceOptions& options) {
  Ground ground;
  if (Status looked = take_ground(session, seed, options.change.dry_run, ground); !looked)
    return fail(looked.error());
  if (ground.knowledge->nodes().empty()) return fail(ErrorCode::kUnavailable, "no node tells of the cluster");
  MoveJournal journal(session.journal_folder, "rebalance", ground.knowledge->nodes().begin()->first);
  auto open = begun(ground, journal);
  if (!open) return fail(open.error());
  if (Status settled = check_settled(ground, open->planned); !settled) return fail(settled.error());
  if (!options.change.dry_run) {
    if (Status closed = close_arrived(session, ground, *open); !closed) return fail(closed.error());
  }
  MoveResult finished;
  if (!open->moves.empty()) {
    session.reporter.note("first the slots are finished that an interrupted rebalance left open");
    auto result = change(session, ground, open->moves, options.change, journal);
    if (!result || !result->carried_out || result->interrupted) return result;
    finished = *result;
    if (Status looked = resurvey(session, seed, ground); !looked) return fail(looked.error());
  }
  Result<std::vector<SlotHolder>> holders = holders_of(ground, options);
  if (!holders) return fail(holders.error());
  Result<cluster::SlotLoads> loads = loads_of(session, ground, options.by);
  if (!loads) return fail(loads.error());
  auto moves = cluster::rebalance(
      *holders, {.threshold_percent = options.threshold_percent, .loads = *std::move(loads)});
  if (!moves) return fail(moves.error());
  if (moves->empty()) {
    if (!options.change.dry_run) journal.remove();
    session.reporter.note("every node has its share; nothing has to move");
  }
  auto result = change(session, ground, *moves, options.change, journal);
  if (result) add(*result, finished);
  return result;
}

}  // namespace keyway::admin
