#include "engine/mover.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "engine/observe.h"
#include "engine/refusal.h"

namespace keyway::engine {

namespace {

using cluster::Slot;
using cluster::SlotSet;
using resp::Command;
using resp::Reply;

// More than the 2 s that Valkey lets its replicas take to acknowledge a SETSLOT.
constexpr int64_t kCallTimeoutMs = 3000;
constexpr int64_t kSetSlotMs = 20;  // Valkey does one after the other, each with its replicas' consent
constexpr int64_t kTellTimeoutMs = 300;
constexpr size_t kFirstSlots = 16;
// The first call of a slice knows nothing of the size of values; a few big ones must not block for long.
constexpr int64_t kFirstKeys = 32;
constexpr int64_t kMaxKeys = 2000;

int64_t machine_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// What one of the two servers says of itself.
struct View {
  SlotSet owned;
  SlotSet peer_owned;       // by the other one, as far as it has heard
  SlotSet open;             // in the direction of this move, with the other server
  SlotSet outdated;         // the same, but the flag names a node that was replaced since
  SlotSet foreign;          // open in any other way
  uint64_t epoch = 0;       // its config epoch
  uint64_t peer_epoch = 0;  // the other's, as far as it has heard
};

// A slot that is on its way, and keys of it that are known to be on the source.
struct Moving {
  Slot slot = 0;
  std::vector<std::string> keys;
  bool drained = false;  // the source listed no more keys
};

// One call of move_slots.
class Slice {
 public:
  Slice(Servers& servers, const MoveTask& task, const MoveLimits& limits)
      : servers_(servers),
        task_(task),
        limits_(limits),
        end_ms_(now_ms() + limits.slice_ms),
        slots_a_batch_(std::min(kFirstSlots, max_slots())) {}

  Status run();
  const MoveProgress& progress() const { return progress_; }

 private:
  int64_t now_ms() const { return limits_.clock_ms ? limits_.clock_ms() : machine_ms(); }
  size_t max_slots() const { return static_cast<size_t>(std::max(1, limits_.slots_in_flight)); }
  bool time_left() const { return now_ms() < end_ms_; }

  Status look();
  Status sort_out(std::vector<Slot>& to_move);
  Status move_batch(const std::vector<Slot>& slots);
  Status open(const std::vector<Slot>& slots, std::vector<Moving>& batch);
  Status drain(Moving& moving);
  Status finish(const std::vector<Moving>& batch);
  Result<bool> target_is_current();
  Status check_empty(const std::vector<Slot>& slots);
  Status announce(const std::vector<Slot>& slots);

  Command migrate(std::vector<std::string>& keys, size_t count) const;
  Status take_listed(const Command& command, Reply& reply, Moving& moving) const;
  void adapt_calls(int64_t call_ms, int64_t keys);
  void adapt_batch(int64_t open_ms);

  Result<std::vector<Reply>> ask(const Address& address, const std::vector<Command>& commands,
                                 int64_t extra_ms = 0);
  Result<View> view_of(bool source, const Reply& nodes) const;

  Servers& servers_;
  const MoveTask& task_;
  const MoveLimits& limits_;
  int64_t end_ms_;
  View from_;
  View to_;
  size_t slots_a_batch_;
  int64_t keys_a_call_ = kFirstKeys;
  bool called_ = false;  // MIGRATE, in this slice
  MoveProgress progress_;
};

bool is_gone(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
}

Command set_slot(Slot slot, const char* how, const std::string& id) {
  return {"CLUSTER", "SETSLOT", std::to_string(slot), how, id};
}

Command list_keys(Slot slot, int64_t count) {
  return {"CLUSTER", "GETKEYSINSLOT", std::to_string(slot), std::to_string(count)};
}

Status Slice::run() {
  if (Status looked = look(); !looked) return looked;
  std::vector<Slot> to_move;
  if (Status sorted = sort_out(to_move); !sorted) return sorted;
  size_t done = 0;
  while (done < to_move.size() && (done == 0 || time_left())) {
    auto begin = to_move.begin() + static_cast<ptrdiff_t>(done);
    size_t count = std::min(slots_a_batch_, to_move.size() - done);
    if (Status moved = move_batch({begin, begin + static_cast<ptrdiff_t>(count)}); !moved) return moved;
    done += count;
  }
  return {};
}

// Learns from both servers what they own and which slots are open between them.
Status Slice::look() {
  std::vector<Response> both = servers_.exchange(
      {{task_.from, {{"CLUSTER", "NODES"}}}, {task_.to, {{"CLUSTER", "NODES"}}}}, kCallTimeoutMs);
  for (const Response& response : both) {
    if (response.error) return fail(*response.error);
  }
  Result<View> from = view_of(true, both[0].replies[0]);
  if (!from) return fail(from.error());
  Result<View> to = view_of(false, both[1].replies[0]);
  if (!to) return fail(to.error());
  from_ = *from;
  to_ = *to;
  return {};
}

Result<View> Slice::view_of(bool source, const Reply& nodes) const {
  const Address& address = source ? task_.from : task_.to;
  const std::string& id = source ? task_.from_id : task_.to_id;
  const std::string& peer_id = source ? task_.to_id : task_.from_id;
  const std::vector<std::string>& peer_others = source ? task_.to_others : task_.from_others;
  if (nodes.is_error()) return fail(refusal(address, {"CLUSTER", "NODES"}, nodes));
  std::vector<cluster::OpenSlot> open_slots;
  Result<std::vector<cluster::PeerView>> peers = parse_cluster_nodes(nodes.text, &open_slots);
  if (!peers)
    return fail(peers.error().code, fmt::format("{}: {}", to_string(address), peers.error().message));
  auto self =
      std::find_if(peers->begin(), peers->end(), [](const cluster::PeerView& peer) { return peer.myself; });
  if (self == peers->end() || self->id != id) {
    return fail(ErrorCode::kConflict,
                fmt::format("the server at {} is not node {} any more", to_string(address), id));
  }
  View view;
  view.owned = cluster::to_set(self->slots);
  view.epoch = self->config_epoch;
  auto peer = std::find_if(peers->begin(), peers->end(),
                           [&](const cluster::PeerView& other) { return other.id == peer_id; });
  if (peer != peers->end()) {
    view.peer_epoch = peer->config_epoch;
    view.peer_owned = cluster::to_set(peer->slots);
  }
  for (const cluster::OpenSlot& open : open_slots) {
    bool this_way = open.importing != source;
    bool replaced = std::find(peer_others.begin(), peer_others.end(), open.peer_id) != peer_others.end();
    SlotSet& kind = this_way && open.peer_id == peer_id ? view.open
                    : this_way && replaced              ? view.outdated
                                                        : view.foreign;
    kind.set(open.slot);
  }
  return view;
}

// Finds what is to be moved, open slots first. What the target owns already was interrupted just before its
// last step.
Status Slice::sort_out(std::vector<Slot>& to_move) {
  std::vector<Slot> handed_over;
  std::vector<Slot> closed;
  for (const cluster::SlotRange& range : task_.slots) {
    for (int number = range.first; number <= range.last; ++number) {
      auto slot = static_cast<Slot>(number);
      if (to_.owned[slot]) {
        handed_over.push_back(slot);
      } else if (!from_.owned[slot] || from_.foreign[slot] || to_.foreign[slot]) {
        return fail(ErrorCode::kConflict,
                    fmt::format("slot {} cannot move from {} to {}: {}", slot, to_string(task_.from),
                                to_string(task_.to),
                                from_.owned[slot] ? "it is already open between other nodes; close it first"
                                                  : "neither of them owns it"));
      } else {
        bool open = (from_.open | from_.outdated | to_.open | to_.outdated)[slot];
        (open ? to_move : closed).push_back(slot);
      }
    }
  }
  to_move.insert(to_move.end(), closed.begin(), closed.end());
  return announce(handed_over);
}

Status Slice::move_batch(const std::vector<Slot>& slots) {
  std::vector<Moving> batch;
  if (Status opened = open(slots, batch); !opened) return opened;
  Status drained;
  for (Moving& moving : batch) {
    while (drained && !moving.drained && (!called_ || time_left())) drained = drain(moving);
  }
  // Slots that are drained change hands even if another one cannot be, unless a server is gone: no use in
  // waiting for it again.
  if (!drained && is_gone(drained.error())) return drained;
  Status finished = finish(batch);
  return drained ? finished : drained;
}

// The target first: a source that sends clients on to it with ASK must find it ready.
Status Slice::open(const std::vector<Slot>& slots, std::vector<Moving>& batch) {
  int64_t begin_ms = now_ms();
  std::vector<Command> importing;
  std::vector<Command> migrating;
  for (Slot slot : slots) {
    // While a slot is being imported its owner changes by command only. If the target has yet to hear who it
    // is, it must be told.
    if (!to_.peer_owned[slot]) importing.push_back(set_slot(slot, "NODE", task_.from_id));
    if (!to_.open[slot]) importing.push_back(set_slot(slot, "IMPORTING", task_.from_id));
    if (!from_.open[slot]) migrating.push_back(set_slot(slot, "MIGRATING", task_.to_id));
  }
  Result<std::vector<Reply>> ready = ask(task_.to, importing);
  if (!ready) return fail(ready.error());
  for (size_t i = 0; i < importing.size(); ++i) {
    if (!(*ready)[i].ok()) return fail(refusal(task_.to, importing[i], (*ready)[i]));
  }

  size_t flags = migrating.size();
  for (Slot slot : slots) migrating.push_back(list_keys(slot, keys_a_call_));
  Result<std::vector<Reply>> replies = ask(task_.from, migrating);
  if (!replies) return fail(replies.error());
  for (size_t i = 0; i < flags; ++i) {
    if (!(*replies)[i].ok()) return fail(refusal(task_.from, migrating[i], (*replies)[i]));
  }
  for (size_t i = 0; i < slots.size(); ++i) {
    Moving& moving = batch.emplace_back();
    moving.slot = slots[i];
    if (Status taken = take_listed(migrating[flags + i], (*replies)[flags + i], moving); !taken) return taken;
  }
  adapt_batch(now_ms() - begin_ms);
  return {};
}

// One MIGRATE, and with it the question for the next keys. Never more than one at a time: a hung target makes
// the source wait out the timeout of each, deaf to everybody.
Status Slice::drain(Moving& moving) {
  auto count = std::min<size_t>(moving.keys.size(), static_cast<size_t>(keys_a_call_));
  std::vector<Command> commands = {migrate(moving.keys, count)};
  moving.keys.erase(moving.keys.begin(), moving.keys.begin() + static_cast<ptrdiff_t>(count));
  bool asks = moving.keys.empty();
  if (asks) commands.push_back(list_keys(moving.slot, keys_a_call_));

  int64_t begin_ms = now_ms();
  called_ = true;
  // The source may wait its timeout for the connection and once more for an answer.
  Result<std::vector<Reply>> replies = ask(task_.from, commands, 2 * limits_.migrate_timeout_ms);
  if (!replies) return fail(replies.error());
  const Reply& moved = (*replies)[0];
  bool none_left =
      moved.type == resp::ReplyType::kStatus && moved.text == "NOKEY";  // deleted or expired meanwhile
  if (!moved.ok() && !none_left) return fail(refusal(task_.from, commands[0], moved));
  if (moved.ok()) progress_.keys_moved += static_cast<int64_t>(count);
  adapt_calls(now_ms() - begin_ms, static_cast<int64_t>(count));
  return asks ? take_listed(commands[1], (*replies)[1], moving) : Status{};
}

// Takes the first `count` of `keys`.
Command Slice::migrate(std::vector<std::string>& keys, size_t count) const {
  // REPLACE: the slot is open between these two, so a key on both was copied by a MIGRATE that was
  // interrupted before it deleted the original. Clients were served by the source all the while (it sends
  // away only for keys it has not), so its value is the newer one.
  Command command = {"MIGRATE", task_.to.host, std::to_string(task_.to.port),
                     "",        "0",           std::to_string(limits_.migrate_timeout_ms),
                     "REPLACE"};
  if (!task_.user.empty()) command.insert(command.end(), {"AUTH2", task_.user, task_.password});
  command.push_back("KEYS");
  auto first = std::make_move_iterator(keys.begin());
  command.insert(command.end(), first, first + static_cast<ptrdiff_t>(count));
  return command;
}

Status Slice::take_listed(const Command& command, Reply& reply, Moving& moving) const {
  if (reply.type != resp::ReplyType::kArray) return fail(refusal(task_.from, command, reply));
  for (Reply& key : reply.elements) moving.keys.push_back(std::move(key.text));
  moving.drained = moving.keys.empty();
  return {};
}

void Slice::adapt_calls(int64_t call_ms, int64_t keys) {
  if (call_ms > limits_.max_call_ms) {
    keys_a_call_ = std::max<int64_t>(1, std::min(keys_a_call_, keys) * limits_.max_call_ms / call_ms);
  } else if (call_ms * 2 <= limits_.max_call_ms && keys == keys_a_call_) {
    keys_a_call_ = std::min(kMaxKeys, keys_a_call_ * 2);
  }
}

// Handing the slots over takes as long again as opening them did.
void Slice::adapt_batch(int64_t open_ms) {
  if (open_ms * 4 > limits_.slice_ms) {
    slots_a_batch_ = std::max<size_t>(1, slots_a_batch_ / 2);
  } else if (open_ms * 8 <= limits_.slice_ms) {
    slots_a_batch_ = std::min(max_slots(), slots_a_batch_ * 2);
  }
}

// Gives the drained slots of the batch to the target, which takes a new config epoch for it, and then tells
// everybody.
Status Slice::finish(const std::vector<Moving>& batch) {
  std::vector<Slot> slots;
  for (const Moving& moving : batch) {
    if (moving.drained) slots.push_back(moving.slot);
  }
  if (slots.empty()) return {};
  Result<bool> current = target_is_current();
  if (!current) return fail(current.error());
  if (!*current) return {};  // it will be by the next call
  if (Status empty = check_empty(slots); !empty) return empty;

  std::vector<Command> commands;
  for (Slot slot : slots) commands.push_back(set_slot(slot, "NODE", task_.to_id));
  Result<std::vector<Reply>> replies = ask(task_.to, commands);
  if (!replies) return fail(replies.error());
  Status refused;
  std::vector<Slot> taken;
  for (size_t i = 0; i < slots.size(); ++i) {
    if ((*replies)[i].ok()) {
      taken.push_back(slots[i]);
    } else if (refused) {
      refused = fail(refusal(task_.to, commands[i], (*replies)[i]));
    }
  }
  Status announced = announce(taken);
  return refused ? announced : refused;
}

// A server that takes a slot raises its config epoch above all that it has heard of. Had it not heard of the
// source's latest one (or did both have the same), a message that the source sent before it let go could win
// over it: the target would give the slot back, to a server that has forgotten it, and delete its keys.
Result<bool> Slice::target_is_current() {
  auto current = [this] { return to_.peer_epoch >= from_.epoch && to_.epoch != from_.epoch; };
  if (current()) return true;
  if (Status looked = look(); !looked) return fail(looked.error());
  return current();
}

// The last look before a slot changes hands: the count is of all databases, the list only of one.
Status Slice::check_empty(const std::vector<Slot>& slots) {
  std::vector<Command> commands;
  for (Slot slot : slots) commands.push_back({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)});
  Result<std::vector<Reply>> counts = ask(task_.from, commands);
  if (!counts) return fail(counts.error());
  for (size_t i = 0; i < slots.size(); ++i) {
    const Reply& count = (*counts)[i];
    if (count.type != resp::ReplyType::kInteger) return fail(refusal(task_.from, commands[i], count));
    if (count.integer == 0) continue;
    return fail(ErrorCode::kConflict,
                fmt::format("slot {} stays on {}: {} that cannot be moved (in a database other than 0?)",
                            slots[i], to_string(task_.from), count_of(count.integer, "key")));
  }
  return {};
}

// The target owns these slots. The source must know, lest it claims them again. The others would hear it by
// gossip too, so it is no error if one does not answer.
Status Slice::announce(const std::vector<Slot>& slots) {
  if (slots.empty()) return {};
  std::vector<Command> commands;
  for (Slot slot : slots) commands.push_back(set_slot(slot, "NODE", task_.to_id));
  Result<std::vector<Reply>> replies = ask(task_.from, commands);
  if (!replies) return fail(replies.error());
  for (size_t i = 0; i < slots.size(); ++i) {
    if (!(*replies)[i].ok()) return fail(refusal(task_.from, commands[i], (*replies)[i]));
    ++progress_.slots_done;
  }
  std::vector<Request> others;
  for (const Address& other : task_.primaries) others.push_back({other, commands});
  servers_.exchange(others, kTellTimeoutMs);
  return {};
}

Result<std::vector<Reply>> Slice::ask(const Address& address, const std::vector<Command>& commands,
                                      int64_t extra_ms) {
  if (commands.empty()) return std::vector<Reply>{};
  int64_t timeout_ms = kCallTimeoutMs + kSetSlotMs * static_cast<int64_t>(commands.size()) + extra_ms;
  Response response = std::move(servers_.exchange({{address, commands}}, timeout_ms).front());
  if (response.error) return fail(std::move(*response.error));
  return std::move(response.replies);
}

}  // namespace

Result<MoveProgress> move_slots(Servers& servers, const MoveTask& task, const MoveLimits& limits) {
  Slice slice(servers, task, limits);
  if (Status done = slice.run(); !done) return fail(done.error());
  return slice.progress();
}

}  // namespace keyway::engine
