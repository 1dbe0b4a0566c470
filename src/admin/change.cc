#include "admin/change.h"

#include <algorithm>
#include <map>

#include "base/format.h"
#include "base/strings.h"
#include "engine/atomic_jobs.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::KnownNode;
using cluster::NodeFacts;
using cluster::OpenSlot;
using cluster::PeerView;
using cluster::Slot;
using cluster::SlotMove;
using cluster::SlotRanges;
using cluster::SlotSet;

constexpr int64_t kJobsTimeoutMs = 60'000;

std::string list(const SlotSet& slots) {
  constexpr size_t kShown = 80;
  std::string text = cluster::to_string(cluster::to_ranges(slots));
  return text.size() <= kShown ? text : text.substr(0, kShown) + "…";
}

tl::unexpected<Error> unsettled(const SlotSet& slots, std::string_view what) {
  auto count = static_cast<int64_t>(slots.count());
  return fail(ErrorCode::kConflict, fmt::format("{} {} {} ({}); run fix first", count_of(count, "slot"),
                                                count == 1 ? "is" : "are", what, list(slots)));
}

// Slots that more than one primary says are its own.
SlotSet disputed(const cluster::Observed& observed) {
  SlotSet once;
  SlotSet twice;
  for (const NodeFacts& node : observed.nodes) {
    const PeerView* own = cluster::own_view(node);
    if (own == nullptr || !own->primary) continue;
    SlotSet slots = cluster::to_set(own->slots);
    twice |= once & slots;
    once |= slots;
  }
  return twice;
}

// The same slots between the same two nodes, by now.
bool is_ours(const Ground& ground, const std::vector<SlotMove>& ours, const NodeFacts& holder,
             const OpenSlot& open) {
  std::string from = ground.present(open.importing ? open.peer_id : holder.server.id);
  std::string to = ground.present(open.importing ? holder.server.id : open.peer_id);
  return std::ranges::any_of(ours, [&](const SlotMove& move) {
    return move.from == from && move.to == to && cluster::contains(move.slots, open.slot);
  });
}

std::string question(const Ground& ground, const MovePlan& plan) {
  std::string what =
      fmt::format("move {} with {}", count_of(plan.slots(), "slot"), count_of(plan.keys(), "key"));
  if (plan.bytes() >= 0) what += fmt::format(", {}", human_bytes(plan.bytes()));
  bool one_target = std::ranges::all_of(
      plan.moves, [&](const PlannedMove& move) { return move.to_id == plan.moves.front().to_id; });
  if (one_target) return fmt::format("{}, to {}?", what, to_string(plan.moves.front().to));
  auto nodes = std::ranges::count_if(ground.observed.nodes, [&](const NodeFacts& node) {
    return std::ranges::any_of(plan.moves, [&](const PlannedMove& move) {
      return move.from_id == node.server.id || move.to_id == node.server.id;
    });
  });
  return fmt::format("{}, between {}?", what, count_of(nodes, "node"));
}

// Slots that servers are moving by themselves.
Result<SlotSet> slots_under_way(Session& session, const Ground& ground) {
  std::vector<engine::Request> requests;
  for (const NodeFacts& node : ground.observed.nodes) {
    const PeerView* own = cluster::own_view(node);
    bool knows_jobs = node.server.engine == cluster::EngineKind::kValkey &&
                      parse_int(split(node.server.version, '.')[0]).value_or(0) >= 9;
    if (own != nullptr && own->primary && knows_jobs)
      requests.push_back({node.address, {{"CLUSTER", "GETSLOTMIGRATIONS"}}});
  }
  SlotSet slots;
  if (requests.empty()) return slots;
  for (const engine::Response& response : session.servers.exchange(requests, session.timeout_ms)) {
    // Who does not answer or refuses is heard of again when slots move.
    if (response.error || response.replies[0].is_error()) continue;
    auto jobs = engine::parse_atomic_jobs(response.replies[0]);
    if (!jobs) return fail(jobs.error());
    for (const engine::AtomicJob& job : *jobs) {
      if (job.state == engine::AtomicState::kUnderWay) slots |= cluster::to_set(job.slots);
    }
  }
  return slots;
}

Status wait_for_jobs(Session& session, const Ground& ground) {
  Result<SlotSet> slots = slots_under_way(session, ground);
  if (!slots) return fail(slots.error());
  if (slots->none()) return {};
  session.reporter.note(fmt::format("waiting for the servers, which are moving {} ({})",
                                    count_of(static_cast<int64_t>(slots->count()), "slot"), list(*slots)));
  auto ended = [&] {
    slots = slots_under_way(session, ground);
    return !slots || slots->none();
  };
  if (wait_until(session, ended, kJobsTimeoutMs)) return slots ? Status{} : fail(slots.error());
  return fail(ErrorCode::kConflict,
              fmt::format("the servers are still moving slots by atomic migration ({}); wait for it, or "
                          "cancel it with CLUSTER CANCELSLOTMIGRATIONS on their sources",
                          list(*slots)));
}

Status lock(Session& session, Ground& ground) {
  if (session.journal_folder.empty() || ground.knowledge->nodes().empty()) return {};
  // Whoever looks at the same cluster at the same time sees the same first id.
  Result<ClusterLock> taken =
      ClusterLock::take(session.journal_folder, ground.knowledge->nodes().begin()->first);
  if (!taken) {
    if (taken.error().code == ErrorCode::kConflict) return fail(taken.error());
    session.reporter.warn(fmt::format("nothing keeps a second command from moving slots at the same time: {}",
                                      taken.error().message));
    return {};
  }
  ground.lock.emplace(*std::move(taken));
  return {};
}

}  // namespace

std::string Ground::present(const std::string& id) const {
  const KnownNode* known = knowledge->find(id);
  if (known == nullptr) return id;
  if (!known->view.primary) return known->view.primary_id;
  if (!known->view.slots.empty() || known->own_word || known->view.shard_id.empty()) return id;
  // It is gone and its slots are another's: of the same shard, if it says so.
  for (const auto& [other_id, other] : knowledge->nodes()) {
    if (other.view.primary && other_id != id && other.view.shard_id == known->view.shard_id) return other_id;
  }
  return id;
}

Status resurvey(Session& session, const Address& seed, Ground& ground) {
  Result<cluster::Observed> observed = session.survey(seed);
  if (!observed) return fail(observed.error());
  ground.observed = *std::move(observed);
  ground.knowledge.emplace(ground.observed);
  return {};
}

Status take_ground(Session& session, const Address& seed, bool dry_run, Ground& ground) {
  if (Status looked = resurvey(session, seed, ground); !looked) return looked;
  if (!dry_run) {
    if (Status locked = lock(session, ground); !locked) return locked;
    if (Status ended = wait_for_jobs(session, ground); !ended) return ended;
    // Another command may have ended just before.
    if (Status looked = resurvey(session, seed, ground); !looked) return looked;
  }
  Status looked;
  auto agreed = [&] {
    if (disputed(ground.observed).none() && ground.knowledge->unowned().empty()) return true;
    looked = resurvey(session, seed, ground);
    return !looked;
  };
  // What does not come right is told by check_settled.
  static_cast<void>(wait_until(session, agreed, session.timeout_ms));
  return looked;
}

Status check_settled(const Ground& ground, const std::vector<SlotMove>& ours) {
  SlotSet unowned = cluster::to_set(ground.knowledge->unowned());
  if (unowned.any()) return unsettled(unowned, "owned by nobody");
  SlotSet two_owners = disputed(ground.observed);
  if (two_owners.any()) return unsettled(two_owners, "claimed by two nodes");
  SlotSet open_slots;
  for (const NodeFacts& node : ground.observed.nodes) {
    const PeerView* own = cluster::own_view(node);
    if (own == nullptr || !own->primary) continue;
    for (const OpenSlot& open : node.server.open_slots) {
      if (!is_ours(ground, ours, node, open)) open_slots.set(open.slot);
    }
  }
  if (open_slots.any()) return unsettled(open_slots, "open, a move of it was begun and not finished");
  return {};
}

Result<const KnownNode*> find_primary(const Ground& ground, std::string_view name, std::string_view what) {
  Result<const NodeFacts*> node = find_node(ground.observed, name);
  if (!node) return fail(node.error().code, fmt::format("{}: {}", what, node.error().message));
  const std::string& id = cluster::effective_id(**node);
  const KnownNode* known = ground.knowledge->find(id);
  std::string where = fmt::format("{} ({})", id, to_string((*node)->address));
  if (known == nullptr || !(*node)->answering()) {
    return fail(ErrorCode::kUnavailable, fmt::format("{}: {} does not answer{}", what, where,
                                                     (*node)->note.empty() ? "" : ": " + (*node)->note));
  }
  if (!known->view.primary) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} is a replica, and only primaries hold slots; its primary is {}", what,
                            where, known->view.primary_id));
  }
  return known;
}

Result<MoveResult> change(Session& session, const Ground& ground, const std::vector<SlotMove>& moves,
                          const ChangeOptions& options, const MoveJournal& journal) {
  MoveResult result;
  if (!moves.empty()) {
    Result<MovePlan> plan = price(session, ground.observed, moves, options.moving);
    if (!plan) return fail(plan.error());
    result.plan = *std::move(plan);
  }
  if (options.show_plan) options.show_plan(result.plan);
  if (options.dry_run || moves.empty()) {
    result.carried_out = !options.dry_run;
    return result;
  }
  if (!options.yes) {
    Result<bool> agreed = session.reporter.confirm(question(ground, result.plan));
    if (!agreed) return fail(agreed.error());
    if (!*agreed) return result;
  }
  if (Status kept = journal.write(moves); !kept) {
    session.reporter.warn(
        fmt::format("should this be interrupted, running it again will not finish it, but fix will: {}",
                    kept.error().message));
  }
  Result<MoveResult> moved = carry_out(session, ground.observed, result.plan, options.moving);
  if (moved && !moved->interrupted) journal.remove();
  return moved;
}

Status close_arrived(Session& session, Ground& ground, const Remainder& remainder) {
  for (NodeFacts& node : ground.observed.nodes) {
    if (!node.answering()) continue;
    engine::Request count{node.address, {}};
    engine::Request close{node.address, {}};
    std::erase_if(node.server.open_slots, [&](const OpenSlot& open) {
      const std::string& owner = ground.knowledge->owner(open.slot);
      bool arrived = owner == (open.importing ? node.server.id : ground.present(open.peer_id));
      if (!arrived || !is_ours(ground, remainder.planned, node, open)) return false;
      std::string slot = std::to_string(open.slot);
      if (!open.importing) count.commands.push_back({"CLUSTER", "COUNTKEYSINSLOT", slot});
      close.commands.push_back({"CLUSTER", "SETSLOT", slot, "STABLE"});
      return true;
    });
    for (const engine::Request& request : {count, close}) {
      if (request.commands.empty()) continue;
      engine::Response response = std::move(session.servers.exchange({request}, session.timeout_ms).front());
      if (response.error) return fail(*response.error);
      for (size_t i = 0; i < response.replies.size(); ++i) {
        const resp::Reply& reply = response.replies[i];
        if (reply.is_error()) return fail(engine::refusal(request.address, request.commands[i], reply));
        if (reply.integer == 0) continue;
        return fail(
            ErrorCode::kConflict,
            fmt::format("slot {} has moved away from {}, which still holds {} of it; run fix first",
                        request.commands[i][2], to_string(node.address), count_of(reply.integer, "key")));
      }
    }
  }
  return {};
}

Remainder remainder_of(const Ground& ground, const std::vector<SlotMove>& planned) {
  Remainder remainder;
  for (const SlotMove& move : planned) {
    for (const std::string* id : {&move.from, &move.to}) {
      if (ground.knowledge->find(*id) != nullptr) continue;
      remainder.misfit = fmt::format("the cluster has no node {} any more", *id);
      return remainder;
    }
    SlotMove left{ground.present(move.from), ground.present(move.to), {}};
    SlotSet missing;
    for (const cluster::SlotRange& range : move.slots) {
      for (size_t slot = range.first; slot <= range.last; ++slot) {
        const std::string& owner = ground.knowledge->owner(static_cast<Slot>(slot));
        if (owner == left.to) {
          ++remainder.arrived;
        } else if (owner == left.from) {
          missing.set(slot);
        } else {
          remainder.misfit = fmt::format("slot {} is owned by {}", slot, owner.empty() ? "nobody" : owner);
          return remainder;
        }
      }
    }
    remainder.planned.push_back({left.from, left.to, move.slots});
    left.slots = cluster::to_ranges(missing);
    if (!left.slots.empty()) remainder.moves.push_back(std::move(left));
  }
  return remainder;
}

}  // namespace keyway::admin
