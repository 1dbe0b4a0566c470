// finish_move.
#include <algorithm>

#include "admin/fix_conflicts.h"
#include "admin/fix_keys.h"
#include "admin/look.h"
#include "base/format.h"
#include "base/strings.h"
#include "engine/mover.h"
#include "engine/observe.h"

namespace keyway::admin {

namespace {

using cluster::Mend;
using cluster::NodeFacts;
using cluster::Slot;
using cluster::SlotSet;
using resp::Command;
using resp::Reply;

constexpr size_t kSlotsAtOnce = 64;
constexpr size_t kComparedAtOnce = 500;
// The mover waits for news between the servers, which are on their way for seconds at most.
constexpr int64_t kNoProgressMs = 20'000;

class Finishing {
 public:
  Finishing(const FixContext& context, const NodeFacts& from, const NodeFacts& to, bool careful)
      : context_(context), from_(from), to_(to), careful_(careful) {}

  Status finish(const std::vector<Slot>& slots);
  int slots_done() const { return slots_done_; }
  int64_t keys_moved() const { return keys_moved_; }

 private:
  Status set_flags(const std::vector<Slot>& slots);
  Status close_elsewhere(const std::vector<Slot>& slots);
  Result<bool> settle(Slot slot);
  Result<std::vector<std::string>> on_both(const std::vector<std::string>& keys);
  Status move(const cluster::SlotRanges& slots);
  Result<SlotSet> owned_by_source();
  engine::MoveTask task(const cluster::SlotRanges& slots) const;
  bool has_flag(const NodeFacts& node, Slot slot, bool importing, const std::string& peer) const;

  const FixContext& context_;
  const NodeFacts& from_;
  const NodeFacts& to_;
  bool careful_;
  engine::MoveMemory memory_;
  int slots_done_ = 0;
  int64_t keys_moved_ = 0;
};

bool Finishing::has_flag(const NodeFacts& node, Slot slot, bool importing, const std::string& peer) const {
  return std::any_of(node.server.open_slots.begin(), node.server.open_slots.end(),
                     [&](const cluster::OpenSlot& open) {
                       return open.slot == slot && open.importing == importing && open.peer_id == peer;
                     });
}

// The target first: a source that sends clients on to it must find it ready.
Status Finishing::set_flags(const std::vector<Slot>& slots) {
  std::vector<Command> importing;
  std::vector<Command> migrating;
  const cluster::PeerView* seen = context_.view(to_.server.id, from_.server.id);
  SlotSet believed = seen == nullptr ? SlotSet{} : cluster::to_set(seen->slots);
  for (Slot slot : slots) {
    if (!has_flag(to_, slot, true, from_.server.id)) {
      if (!believed[slot]) importing.push_back(set_slot(slot, "NODE", from_.server.id));
      importing.push_back(set_slot(slot, "IMPORTING", from_.server.id));
    }
    if (!has_flag(from_, slot, false, to_.server.id)) {
      migrating.push_back(set_slot(slot, "MIGRATING", to_.server.id));
    }
  }
  if (auto ready = context_.ask(to_.server.id, importing); !ready) return fail(ready.error());
  if (auto ready = context_.ask(from_.server.id, migrating); !ready) return fail(ready.error());
  return close_elsewhere(slots);
}

Status Finishing::close_elsewhere(const std::vector<Slot>& slots) {
  for (const NodeFacts& node : context_.scene().observed().nodes) {
    const std::string& id = cluster::effective_id(node);
    if (id == from_.server.id || id == to_.server.id || context_.scene().primary(id) == nullptr) continue;
    SlotSet open = context_.open_on(id, true) | context_.open_on(id, false);
    std::vector<Command> commands;
    for (Slot slot : slots) {
      if (open[slot]) commands.push_back(set_slot(slot, "STABLE"));
    }
    if (auto closed = context_.ask(id, commands); !closed) return fail(closed.error());
  }
  return {};
}

// Keys of the target that the source has, too. A source that is migrating the slot answers for those that it
// has, and sends on for the others.
Result<std::vector<std::string>> Finishing::on_both(const std::vector<std::string>& keys) {
  std::vector<Command> commands;
  for (const std::string& key : keys) commands.push_back({"EXISTS", key});
  const Session& session = context_.session();
  engine::Response response =
      std::move(session.servers.exchange({{from_.address, commands}}, session.timeout_ms).front());
  if (response.error) return fail(std::move(*response.error));
  std::vector<std::string> both;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (response.replies[i].integer == 1) both.push_back(keys[i]);
  }
  return both;
}

// Compares the keys that are on both sides; false if some of them stay there.
Result<bool> Finishing::settle(Slot slot) {
  auto count = context_.ask(to_.server.id, {{"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}});
  if (!count) return fail(count.error());
  if (count->front().integer == 0) return true;
  auto listed = context_.ask(to_.server.id, {{"CLUSTER", "GETKEYSINSLOT", std::to_string(slot),
                                              std::to_string(count->front().integer)}});
  if (!listed) return fail(listed.error());
  std::vector<std::string> keys;
  for (Reply& key : listed->front().elements) keys.push_back(std::move(key.text));
  std::vector<std::string> both;
  for (size_t begin = 0; begin < keys.size(); begin += kComparedAtOnce) {
    auto first = keys.begin() + static_cast<ptrdiff_t>(begin);
    auto last = keys.begin() + static_cast<ptrdiff_t>(std::min(keys.size(), begin + kComparedAtOnce));
    Result<std::vector<std::string>> some = on_both({first, last});
    if (!some) return fail(some.error());
    both.insert(both.end(), some->begin(), some->end());
  }
  if (both.empty()) return true;
  Result<Settled> settled = settle_copies(context_, {.owner = &from_, .stray = &to_}, both);
  if (!settled) return fail(settled.error());
  // From now on clients are sent on for them.
  if (Status dropped = drop_keys(context_, from_, settled->stray_wins); !dropped)
    return fail(dropped.error());
  return settled->undecided.empty();
}

engine::MoveTask Finishing::task(const cluster::SlotRanges& slots) const {
  engine::MoveTask task;
  task.from_id = from_.server.id;
  task.from = from_.address;
  engine::describe_target(to_, task);
  task.to_announced = meeting_address(context_.session(), context_.scene().observed(), to_);
  task.slots = slots;
  for (const NodeFacts& node : context_.scene().observed().nodes) {
    const std::string& id = cluster::effective_id(node);
    bool either = id == task.from_id || id == task.to_id;
    if (!either && context_.scene().primary(id) != nullptr) task.primaries.push_back(node.address);
  }
  task.user = context_.session().user;
  task.password = context_.session().password;
  return task;
}

Result<SlotSet> Finishing::owned_by_source() {
  auto nodes = context_.ask(from_.server.id, {{"CLUSTER", "NODES"}});
  if (!nodes) return fail(nodes.error());
  auto peers = engine::parse_cluster_nodes(nodes->front().text, nullptr);
  if (!peers) return fail(peers.error());
  auto own =
      std::find_if(peers->begin(), peers->end(), [](const cluster::PeerView& peer) { return peer.myself; });
  return own == peers->end() ? SlotSet{} : cluster::to_set(own->slots);
}

Status Finishing::move(const cluster::SlotRanges& slots) {
  SlotSet left = cluster::to_set(slots);
  int64_t last_ms = now_ms();
  engine::MoveLimits limits;
  limits.heed_lost_importers = !context_.options().with_unreachable_primaries;
  while (left.any() && !context_.session().interrupted()) {
    engine::MoveHooks hooks;
    hooks.stop = context_.session().interrupted;
    Result<engine::MoveProgress> progress = engine::move_slots(
        context_.session().servers, task(cluster::to_ranges(left)), limits, memory_, hooks);
    if (!progress) return fail(progress.error());
    slots_done_ += progress->slots_done;
    keys_moved_ += progress->keys_moved;
    if (progress->slots_done > 0 || progress->keys_moved > 0) last_ms = now_ms();
    if (progress->slots_done == 0 && progress->keys_moved == 0 && memory_.held.any())
      return fail(ErrorCode::kUnavailable,
                  engine::why_held(memory_) + " (or fix with --give-up-unreachable)");
    if (now_ms() - last_ms > kNoProgressMs) {
      return fail(ErrorCode::kTimeout,
                  fmt::format("the move from {} to {} makes no progress; do they hear of each "
                              "other on the cluster bus?",
                              from_.name, to_.name));
    }
    context_.session().reporter.progress({.what = "finishing moves",
                                          .done = slots_done_,
                                          .unit = "slots",
                                          .keys = context_.result().keys_moved + keys_moved_});
    if (progress->slots_done == 0) continue;
    Result<SlotSet> owned = owned_by_source();
    if (!owned) return fail(owned.error());
    left &= *owned;
  }
  return {};
}

Status Finishing::finish(const std::vector<Slot>& slots) {
  if (Status ready = set_flags(slots); !ready) return ready;
  SlotSet movable;
  for (Slot slot : slots) {
    Result<bool> clear = careful_ ? settle(slot) : true;
    if (!clear) return fail(clear.error());
    movable.set(slot, *clear);
  }
  return move(cluster::to_ranges(movable));
}

}  // namespace

Status finish_move(const FixContext& context, const Mend& mend) {
  Result<const NodeFacts*> from = context.node(mend.node);
  if (!from) return fail(from.error());
  Result<const NodeFacts*> to = context.node(mend.other);
  if (!to) return fail(to.error());
  Finishing finishing(context, **from, **to, mend.careful);
  Status finished;
  for (const std::vector<Slot>& slots : portions(mend.slots, kSlotsAtOnce)) {
    if (finished && !context.session().interrupted()) finished = finishing.finish(slots);
  }
  context.result().keys_moved += finishing.keys_moved();
  if (finishing.slots_done() > 0) {
    context.done(fmt::format(
        "finished moving {} from {} to {}, {} of {}", count_of(finishing.slots_done(), "slot"), (*from)->name,
        (*to)->name, count_of(finishing.keys_moved(), "key"), finishing.slots_done() == 1 ? "it" : "them"));
  }
  return finished;
}

}  // namespace keyway::admin
