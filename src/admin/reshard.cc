#include "admin/reshard.h"

#include <algorithm>
#include <set>

#include "admin/change.h"
#include "base/format.h"
#include "base/strings.h"
#include "cluster/rebalance.h"

namespace keyway::admin {

namespace {

using cluster::KnownNode;
using cluster::SlotHolder;
using cluster::SlotMove;

// Who takes part, by id.
struct Parties {
  std::string to;
  std::set<std::string> from;  // empty: all others

  std::string words(int slots) const {
    std::string text = fmt::format("reshard {} {}", to, slots);
    for (const std::string& id : from) text += " " + id;
    return text;
  }
};

Result<Parties> find_parties(const Ground& ground, const ReshardOptions& options) {
  if (options.slots < 1 || options.slots > cluster::kSlotCount) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("cannot move {} slots; give a number from 1 to {}",
                                                         options.slots, cluster::kSlotCount));
  }
  Parties parties;
  Result<const KnownNode*> to = find_primary(ground, options.to, "the target");
  if (!to) return fail(to.error());
  parties.to = (*to)->view.id;
  for (const std::string& name : options.from) {
    Result<const KnownNode*> from = find_primary(ground, name, "a source");
    if (!from) return fail(from.error());
    const std::string& id = (*from)->view.id;
    if (id == parties.to) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} ({}) is both source and target", id, to_string((*from)->view.address)));
    }
    parties.from.insert(id);
  }
  return parties;
}

Result<std::vector<SlotMove>> plan(const Ground& ground, const Parties& parties, int slots) {
  std::vector<SlotHolder> sources;
  for (const auto& [id, known] : ground.knowledge->nodes()) {
    bool meant = parties.from.empty() ? !known.view.slots.empty() : parties.from.contains(id);
    if (known.view.primary && id != parties.to && meant)
      sources.push_back({.id = id, .slots = known.view.slots});
  }
  if (sources.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("no node but the target {} holds slots", parties.to));
  }
  const KnownNode* to = ground.knowledge->find(parties.to);
  return cluster::take_slots(sources, {.id = parties.to, .slots = to->view.slots}, slots);
}

// What an interrupted run of the same words left to do; nothing if there was none that fits.
Result<std::optional<Remainder>> resume(Session& session, const Ground& ground, const MoveJournal& journal,
                                        bool dry_run) {
  std::optional<Remainder> none;
  auto planned = journal.read();
  if (!planned) return fail(planned.error());
  if (!*planned) return none;
  Remainder remainder = remainder_of(ground, **planned);
  if (!remainder.misfit.empty()) {
    session.reporter.note(
        fmt::format("the plan of an earlier, interrupted run of this command does not fit the cluster any "
                    "more ({}); it is put aside{}",
                    remainder.misfit, dry_run ? "" : " as " + journal.put_aside()));
    return none;
  }
  int left = 0;
  for (const SlotMove& move : remainder.moves) left += cluster::count(move.slots);
  session.reporter.note(fmt::format("resuming: of {} {} arrived before, {} left",
                                    count_of(remainder.arrived + left, "slot"), remainder.arrived,
                                    left == 1 ? "1 is" : fmt::format("{} are", left)));
  return std::optional(std::move(remainder));
}

Result<MoveResult> go_on(Session& session, Ground& ground, const Remainder& remainder,
                         const ChangeOptions& options, const MoveJournal& journal) {
  if (Status settled = check_settled(ground, remainder.planned); !settled) return fail(settled.error());
  if (!options.dry_run) {
    if (Status closed = close_arrived(session, ground, remainder); !closed) return fail(closed.error());
    if (remainder.moves.empty()) journal.remove();
  }
  return change(session, ground, remainder.moves, options, journal);
}

}  // namespace

Result<MoveResult> reshard(Session& session, const Address& seed, const ReshardOptions& options) {
  Ground ground;
  if (Status looked = take_ground(session, seed, options.change.dry_run, ground); !looked)
    return fail(looked.error());
  Result<Parties> parties = find_parties(ground, options);
  if (!parties) return fail(parties.error());
  MoveJournal journal(session.journal_folder, "reshard", parties->words(options.slots));
  auto resumed = resume(session, ground, journal, options.change.dry_run);
  if (!resumed) return fail(resumed.error());
  if (*resumed) return go_on(session, ground, **resumed, options.change, journal);
  if (Status settled = check_settled(ground, {}); !settled) return fail(settled.error());
  Result<std::vector<SlotMove>> moves = plan(ground, *parties, options.slots);
  if (!moves) return fail(moves.error());
  return change(session, ground, *moves, options.change, journal);
}

}  // namespace keyway::admin
