// close_untouched: what a move has opened and will not go on with.
#include "base/format.h"
#include "engine/mover.h"
#include "engine/mover_view.h"
#include "engine/refusal.h"

namespace keyway::engine {

namespace {

using cluster::Slot;
using resp::Command;
using resp::Reply;

constexpr int64_t kSetSlotMs = 20;

Command set_slot(Slot slot, const char* how) { return {"CLUSTER", "SETSLOT", std::to_string(slot), how}; }

Command count_keys(Slot slot) { return {"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}; }

Result<std::vector<Reply>> ask(Servers& servers, const Address& address,
                               const std::vector<Command>& commands) {
  if (commands.empty()) return std::vector<Reply>{};
  int64_t timeout_ms = kMoverCallTimeoutMs + kSetSlotMs * static_cast<int64_t>(commands.size());
  Response response = std::move(servers.exchange({{address, commands}}, timeout_ms).front());
  if (response.error) return fail(*response.error);
  for (size_t i = 0; i < commands.size(); ++i) {
    if (response.replies[i].is_error()) return fail(refusal(address, commands[i], response.replies[i]));
  }
  return std::move(response.replies);
}

// Those of `slots` of which the target holds nothing.
Result<std::vector<Slot>> without_keys(Servers& servers, const MoveTask& task,
                                       const std::vector<Slot>& slots) {
  std::vector<Command> commands;
  for (Slot slot : slots) commands.push_back(count_keys(slot));
  Result<std::vector<Reply>> counts = ask(servers, task.to, commands);
  if (!counts) return fail(counts.error());
  std::vector<Slot> empty;
  for (size_t i = 0; i < slots.size(); ++i) {
    if ((*counts)[i].type == resp::ReplyType::kInteger && (*counts)[i].integer == 0)
      empty.push_back(slots[i]);
  }
  return empty;
}

// The target first: from then on nobody can make a key there. It is counted once more in the same breath; a
// slot that got a key until then is opened again. A client that the source sends there meanwhile is sent back
// and asks again, but never sees a key missing.
Result<cluster::SlotSet> close_at_target(Servers& servers, const MoveTask& task,
                                         const std::vector<Slot>& slots) {
  std::vector<Command> commands;
  for (Slot slot : slots) {
    commands.push_back(set_slot(slot, "STABLE"));
    commands.push_back(count_keys(slot));
  }
  Result<std::vector<Reply>> replies = ask(servers, task.to, commands);
  if (!replies) return fail(replies.error());
  cluster::SlotSet closed;
  std::vector<Command> again;
  for (size_t i = 0; i < slots.size(); ++i) {
    const Reply& count = (*replies)[2 * i + 1];
    if (count.type == resp::ReplyType::kInteger && count.integer == 0) {
      closed.set(slots[i]);
      continue;
    }
    again.push_back(set_slot(slots[i], "IMPORTING"));
    again.back().push_back(task.from_id);
  }
  Result<std::vector<Reply>> opened = ask(servers, task.to, again);
  if (!opened) return fail(opened.error());
  return closed;
}

}  // namespace

Result<cluster::SlotRanges> close_untouched(Servers& servers, const MoveTask& task) {
  Result<MoverViews> views = look_at_pair(servers, task);
  if (!views) return fail(views.error());
  cluster::SlotSet open =
      (views->from.open | views->to.open) & views->from.owned & cluster::to_set(task.slots);
  std::vector<Slot> candidates;
  for (size_t slot = 0; slot < open.size(); ++slot) {
    if (open[slot]) candidates.push_back(static_cast<Slot>(slot));
  }
  Result<std::vector<Slot>> empty = without_keys(servers, task, candidates);
  if (!empty) return fail(empty.error());
  Result<cluster::SlotSet> closed = close_at_target(servers, task, *empty);
  if (!closed) return fail(closed.error());
  std::vector<Command> commands;
  for (Slot slot : *empty) {
    if ((*closed)[slot]) commands.push_back(set_slot(slot, "STABLE"));
  }
  Result<std::vector<Reply>> told = ask(servers, task.from, commands);
  if (!told) return fail(told.error());
  return cluster::to_ranges(open & ~*closed);
}

}  // namespace keyway::engine
