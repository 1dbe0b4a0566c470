// The part of a slice that tells the servers which slots are open and who owns them.
#include <algorithm>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "engine/mover_slice.h"
#include "engine/refusal.h"

namespace keyway::engine {

namespace {

using cluster::Slot;
using resp::Command;
using resp::Reply;

constexpr int64_t kSetSlotMs = 20;  // Valkey does one after the other, each with its replicas' consent
constexpr int64_t kTellTimeoutMs = 300;
constexpr int64_t kMaxSetSlotsUs = 50'000;
constexpr int64_t kLookAgainUs = 100'000;

// Having lost its last slot, a primary follows the node that took it, as soon as it hears of that: it has let
// go of all then. "Please use SETSLOT only with masters.", of Valkey "… primaries."; if it waits for its
// replicas' consent at that moment "UNBLOCKED force unblock …, instance state changed".
bool has_let_go(const MovingSlot& slot, const Reply& reply) {
  return slot.stage == MoveStage::kLetGo && reply.is_error() &&
         (reply.error_code() == "UNBLOCKED" || reply.text.find("use SETSLOT only with") != std::string::npos);
}

int64_t timeout_ms(size_t commands) {
  return kMoverCallTimeoutMs + kSetSlotMs * static_cast<int64_t>(commands);
}

}  // namespace

// While a slot is being imported its owner changes by command only. If the source has died and its replica
// has taken over, the target takes all the slots that it imports for slots of a dead node, and so refuses
// every client, MIGRATE too: it must hear of all of them before anything else.
Status MoverSlice::tell_owner_of_open() {
  std::vector<Command> commands;
  for (Slot slot : waiting_) {
    const MoverView& to = views_.to;
    if (to.owned[slot] || to.peer_owned[slot] || !(to.open[slot] || to.outdated[slot])) continue;
    for (const char* how : {"NODE", "IMPORTING"})
      commands.push_back({"CLUSTER", "SETSLOT", std::to_string(slot), how, task_.from_id});
  }
  if (commands.empty()) return {};
  Response told = std::move(servers_.exchange({{task_.to, commands}}, timeout_ms(commands.size())).front());
  if (told.error) return lost(*told.error);
  for (size_t i = 0; i < told.replies.size(); ++i) {
    if (!told.replies[i].ok()) return fail(refusal(task_.to, commands[i], told.replies[i]));
  }
  return look();
}

// Keys that a server holds of a slot that it neither owns nor imports were left there by something that went
// wrong; whether they may be overwritten is not for us to say.
Status MoverSlice::check_unheld(size_t count) {
  std::vector<Slot> closed;
  for (size_t i = 0; i < count; ++i) {
    Slot slot = waiting_[i];
    if (!views_.to.owned[slot] && !views_.open(slot) && !memory_.opened[slot]) closed.push_back(slot);
  }
  if (limits_.replace || closed.empty()) return {};
  std::vector<Command> commands;
  for (Slot slot : closed) commands.push_back({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)});
  Response counts = std::move(servers_.exchange({{task_.to, commands}}, timeout_ms(commands.size())).front());
  if (counts.error) return lost(*counts.error);
  for (size_t i = 0; i < closed.size(); ++i) {
    const Reply& held = counts.replies[i];
    if (held.type != resp::ReplyType::kInteger) return fail(refusal(task_.to, commands[i], held));
    if (held.integer == 0) continue;
    return fail(ErrorCode::kConflict,
                fmt::format("{} holds {} of slot {} already, though it does not own the slot: what a move "
                            "that went wrong has left there; `fix` mends that, or move with replace to have "
                            "them overwritten",
                            to_string(task_.to), count_of(held.integer, "key"), closed[i]));
  }
  return {};
}

Status MoverSlice::begin(size_t count) {
  if (Status unheld = check_unheld(count); !unheld) return unheld;
  for (; count > 0; --count) {
    begun_ = true;
    MovingSlot& moving = slots_.emplace_back();
    moving.slot = waiting_.front();
    waiting_.pop_front();
    // By gossip it would not hear it any more once it imports the slot.
    moving.tell_owner = !views_.to.peer_owned[moving.slot];
    moving.importing = views_.to.open[moving.slot];
    moving.exported = views_.from.open[moving.slot];
    if (views_.to.owned[moving.slot]) {
      moving.stage = MoveStage::kLetGo;
    } else if (!moving.tell_owner && moving.importing) {
      advance(moving);
    }
  }
  return {};
}

void MoverSlice::advance(MovingSlot& slot) {
  switch (slot.stage) {
    case MoveStage::kImport:
      memory_.opened.set(slot.slot);
      slot.stage = slot.exported ? MoveStage::kDrain : MoveStage::kExport;
      break;
    case MoveStage::kExport:
      slot.stage = MoveStage::kDrain;
      break;
    case MoveStage::kHandOver:
      slot.stage = MoveStage::kLetGo;
      break;
    case MoveStage::kLetGo:
      slot.stage = MoveStage::kDone;
      memory_.opened.reset(slot.slot);
      memory_.imported.reset(slot.slot);
      ++progress_.slots_done;
      break;
    default:
      break;
  }
}

// The target must have heard of the source's config epoch (see MoverViews), which it will by gossip; one that
// misses claims also those, once what was late has arrived. It is asked for a sign of life last: an order
// that reaches a server that hangs is carried out when it wakes up, though its replica may have the slot by
// then.
Result<bool> MoverSlice::may_hand_over() {
  if (!views_.target_is_current()) {
    if (Status looked = look(); !looked) return fail(looked.error());
  }
  if (!views_.target_is_current()) {
    hand_over_at_us_ = now_us() + kLookAgainUs;
    return false;
  }
  if (memory_.claims_due_us >= 0) {
    if (now_us() < memory_.claims_due_us) {
      hand_over_at_us_ = memory_.claims_due_us;
      return false;
    }
    if (Status heard = hear_claims(); !heard) return fail(heard.error());
  }
  Result<Reply> alive = servers_.call(task_.to, {"CLUSTER", "MYID"}, kMoverCallTimeoutMs);
  if (!alive) return fail(alive.error());
  return true;
}

// One turn of SETSLOTs on both sides. The target is told first when a slot is opened (a source that sends
// clients on to it with ASK must find it ready) and when it is handed over (it takes a new config epoch for
// it); the source in the turn after. The source tells of keys to come meanwhile.
Status MoverSlice::set_slots() {
  bool hand_over = hand_over_due();
  if (hand_over) {
    Result<bool> allowed = may_hand_over();
    if (!allowed) return lost(allowed.error());
    hand_over = *allowed;
  }
  if (Status begun = begin(slots_to_begin()); !begun) return begun;
  MoverOrders for_target = orders_for_target(hand_over);
  MoverOrders for_source = orders_for_source();
  MoverDrain::Pipeline ahead;
  if (may_drain()) ahead = drain_.plan(slots_, false);

  std::vector<Request> requests;
  if (!for_target.commands.empty()) requests.push_back({task_.to, for_target.commands});
  std::vector<Command> for_both = for_source.commands;
  for_both.insert(for_both.end(), ahead.commands.begin(), ahead.commands.end());
  if (!for_both.empty()) requests.push_back({task_.from, for_both});
  if (requests.empty()) return {};  // what is to be handed over waits for its claims
  int64_t begin_us = now_us();
  std::vector<Response> responses =
      servers_.exchange(requests, timeout_ms(for_target.commands.size() + for_both.size()));
  int64_t elapsed_us = now_us() - begin_us;
  if (!for_target.commands.empty()) take(task_.to, for_target, responses.front().replies);
  if (!for_both.empty()) {
    std::vector<Reply>& replies = responses.back().replies;
    take(task_.from, for_source, replies);
    auto taken = static_cast<ptrdiff_t>(std::min(replies.size(), for_source.commands.size()));
    replies.erase(replies.begin(), replies.begin() + taken);
    note(drain_.apply(ahead, replies, progress_));
  }
  for (const Response& response : responses) {
    if (response.error) return lost(*response.error);
  }
  memory_.pace.learn_way(elapsed_us);
  if (elapsed_us > kMaxSetSlotsUs) set_slots_ = std::max<size_t>(1, set_slots_ / 2);
  if (elapsed_us < kMaxSetSlotsUs / 2) set_slots_ = std::min(kMoverSetSlots, set_slots_ * 2);
  return {};
}

MoverOrders MoverSlice::orders_for_target(bool hand_over) {
  MoverOrders orders;
  for (MovingSlot& slot : slots_) {
    if (hand_over && slot.stage == MoveStage::kHandOver) orders.add(slot, "NODE", task_.to_id);
  }
  if (hand_over) empty_since_us_ = -1;
  if (!may_drain()) return orders;
  for (MovingSlot& slot : slots_) {
    if (slot.stage != MoveStage::kImport) continue;
    if (slot.tell_owner) orders.add(slot, "NODE", task_.from_id);
    memory_.imported.set(slot.slot);
    if (!slot.importing) orders.add(slot, "IMPORTING", task_.from_id);
  }
  return orders;
}

MoverOrders MoverSlice::orders_for_source() {
  MoverOrders orders;
  for (MovingSlot& slot : slots_) {
    if (slot.stage == MoveStage::kLetGo) orders.add(slot, "NODE", task_.to_id);
    if (slot.stage == MoveStage::kExport && may_drain()) orders.add(slot, "MIGRATING", task_.to_id);
  }
  return orders;
}

void MoverSlice::take(const Address& address, const MoverOrders& orders, const std::vector<Reply>& replies) {
  for (size_t i = 0; i < std::min(orders.commands.size(), replies.size()); ++i) {
    MovingSlot& slot = *orders.slots[i];
    if (!replies[i].ok() && !has_let_go(slot, replies[i])) {
      slot.stage = MoveStage::kStuck;
      note(fail(refusal(address, orders.commands[i], replies[i])));
      continue;
    }
    bool last = i + 1 == orders.slots.size() || orders.slots[i + 1] != orders.slots[i];
    if (last) advance(slot);
  }
}

// They would hear it by gossip too, so it is no error if one does not answer; it is not asked again.
void MoverSlice::tell_others() {
  std::vector<Command> commands;
  for (Slot slot : done_)
    commands.push_back({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", task_.to_id});
  done_.clear();
  if (commands.empty() || others_.empty()) return;
  std::vector<Request> requests;
  for (const Address& other : others_) requests.push_back({other, commands});
  std::vector<Response> responses = servers_.exchange(requests, kTellTimeoutMs);
  std::vector<Address> answered;
  for (size_t i = 0; i < responses.size(); ++i) {
    if (!responses[i].error) answered.push_back(others_[i]);
  }
  others_ = std::move(answered);
}

}  // namespace keyway::engine
