#include "admin/move_pair.h"

#include <algorithm>

#include "admin/move_successor.h"
#include "base/format.h"
#include "base/strings.h"
#include "engine/atomic_mover.h"
#include "engine/observe.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::NodeFacts;

constexpr int64_t kSliceMs = 500;
constexpr int64_t kGraceMs = 3000;  // for slots that are open when a person has enough
constexpr int kSlotsInFlight = 128;
constexpr int kMaxFailures = 100;
constexpr int64_t kMinPatienceMs = 30'000;  // with servers that are gone
constexpr int64_t kFirstPauseMs = 20;
constexpr int64_t kLongestPauseMs = 1000;
constexpr int64_t kMinNodeTimeoutMs = 500;
constexpr int64_t kStatePauseMs = 100;

}  // namespace

MovePair::MovePair(const Session& session, const Origin& origin, const MoveOptions& options, MoveBoard& board,
                   engine::Servers& servers, const PlannedMove& move, bool atomic)
    : session_(session),
      options_(options),
      board_(board),
      servers_(servers),
      move_(move),
      atomic_(atomic),
      observed_(&origin.observed),
      from_shard_(shard_of(origin.knowledge, move.from_id)),
      to_shard_(shard_of(origin.knowledge, move.to_id)),
      from_id_(move.from_id),
      to_id_(move.to_id),
      left_(cluster::to_set(move.slots)),
      progress_ms_(now_ms()) {
  for (const NodeFacts& node : origin.observed.nodes) {
    if (node.answering()) seeds_.push_back(node.address);
  }
}

Status MovePair::run() {
  learn_node_timeout();
  Status done = wait_until_served();
  while (done && left_.any() && !board_.stopping()) {
    size_t before = left_.count();
    done = step();
    if (left_.count() < before) failures_ = 0;
    if (!done) done = recover(done.error());
  }
  if (left_.any()) leave_whole();
  return done ? done : fail(explain(done.error()));
}

// How long a server may be deaf before its cluster takes it for dead.
void MovePair::learn_node_timeout() {
  const resp::Command command = {"CONFIG", "GET", "cluster-node-timeout"};
  Result<resp::Reply> reply = servers_.call(move_.from, command, session_.timeout_ms);
  if (!reply || reply->elements.size() != 2) return;
  node_timeout_ms_ =
      std::max(kMinNodeTimeoutMs, parse_int(reply->elements[1].text).value_or(node_timeout_ms_));
}

// A node that has just joined refuses all clients for as long as its node timeout, up to 5 s: slots that it
// got by then would be served by nobody. One that imports already may say the same because of the very move
// that is to be finished.
Status MovePair::wait_until_served() {
  if (!observed_->find_id(to_id_)->server.open_slots.empty()) return {};
  int64_t begin_ms = now_ms();
  for (bool told = false; !board_.stopping(); told = true) {
    Result<resp::Reply> info = servers_.call(to(), {"CLUSTER", "INFO"}, session_.timeout_ms);
    // What else is wrong with it is seen, and recovered from, by what is done next.
    if (!info || info->text.find("cluster_state:fail") == std::string::npos) return {};
    if (now_ms() - begin_ms > kMinPatienceMs) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("{} serves no clients (cluster_state:fail), so it gets no slots; `check` tells "
                              "what it misses",
                              to_string(to())));
    }
    if (!told)
      board_.warn(fmt::format("{} serves no clients yet (cluster_state:fail): waiting", to_string(to())));
    board_.wait(kStatePauseMs);
  }
  return {};
}

engine::MoveTask MovePair::task() const {
  const NodeFacts& from = *observed_->find_id(from_id_);
  const NodeFacts& to = *observed_->find_id(to_id_);
  engine::MoveTask task;
  task.from_id = from_id_;
  task.from = from.address;
  engine::describe_target(to, task);
  task.to_announced = engine::announced_address(*observed_, to);
  task.slots = cluster::to_ranges(left_);
  task.from_others = from_shard_;
  std::erase(task.from_others, from_id_);
  task.to_others = to_shard_;
  std::erase(task.to_others, to_id_);
  for (const NodeFacts& other : observed_->nodes) {
    bool tell =
        other.answering() && other.server.role == cluster::Role::kPrimary && &other != &from && &other != &to;
    if (tell) task.primaries.push_back(other.address);
  }
  task.user = session_.user;
  task.password = session_.password;
  return task;
}

engine::MoveLimits MovePair::limits() const {
  engine::MoveLimits limits;
  limits.slice_ms = kSliceMs;
  limits.grace_ms = kGraceMs;
  limits.slots_in_flight = kSlotsInFlight;
  limits.max_call_ms = std::max<int64_t>(1, options_.max_call_ms);
  if (options_.max_latency_ms > 0)
    limits.max_call_ms = std::clamp<int64_t>(2 * options_.max_latency_ms, 1, limits.max_call_ms);
  limits.max_stall_ms = node_timeout_ms_ * 4 / 5;
  limits.migrate_timeout_ms = std::clamp<int64_t>(options_.migrate_timeout_ms, 100, node_timeout_ms_ / 2);
  limits.max_keys_a_call = options_.keys_a_call;
  if (options_.max_bytes_per_s > 0)
    limits.max_bytes_a_pipeline = std::max<int64_t>(1, options_.max_bytes_per_s / 20);
  limits.replace = options_.replace;
  return limits;
}

engine::MoveHooks MovePair::hooks() {
  engine::MoveHooks hooks;
  hooks.stop = [this] { return board_.stopping(); };
  hooks.on_slot = [this](cluster::Slot slot) { left_.reset(slot); };
  hooks.on_big_key = [this](const engine::BigKey& key) {
    std::string shown;
    for (char c : key.name.substr(0, 60)) shown += c >= ' ' && c < 127 ? c : '?';
    board_.warn(fmt::format("key '{}' of slot {} has {}: moving it blocks {} and {} for about {}", shown,
                            key.slot, human_bytes(key.size_bytes), to_string(from()), to_string(to()),
                            human_duration(key.stall_ms)));
  };
  hooks.on_progress = [this](const engine::MoveProgress& step) {
    engine::MoveProgress moved = step;
    // Atomic migration does not say how many bytes it moves.
    if (atomic_ && moved.bytes_moved == 0 && move_.keys > 0 && move_.bytes > 0)
      moved.bytes_moved = step.keys_moved * (move_.bytes / move_.keys);
    board_.add(moved);
    if (step.keys_moved > 0 || step.slots_done > 0) {
      progress_ms_ = now_ms();
      failures_ = 0;
    }
    board_.brake(moved.bytes_moved, from(), to());
  };
  return hooks;
}

Status MovePair::step() { return atomic_ ? step_atomically() : step_classic(left_); }

Status MovePair::step_classic(const cluster::SlotSet& slots) {
  engine::MoveTask some = task();
  some.slots = cluster::to_ranges(slots);
  Result<engine::MoveProgress> moved = engine::move_slots(servers_, some, limits(), memory_, hooks());
  if (!moved) return fail(moved.error());
  if (moved->slots_done > 0 || moved->keys_moved > 0) return {};
  if (memory_.held.any()) return await_importer();
  // Nothing could be moved yet: the target has to hear of the source's config epoch first.
  if (now_ms() - progress_ms_ > kMinPatienceMs) {
    return fail(
        ErrorCode::kTimeout,
        fmt::format("{} has not heard from {} what it must know to take its slots; see CLUSTER NODES on "
                    "both",
                    to_string(some.to), to_string(some.from)));
  }
  board_.wait(kFirstPauseMs);
  return {};
}

// All that is left was on its way to a server that was lost: until it is back, or for as long as is
// reasonable.
Status MovePair::await_importer() {
  if (now_ms() - progress_ms_ > patience_ms())
    return fail(ErrorCode::kUnavailable, engine::why_held(memory_));
  if (!told_held_) board_.warn("waiting: " + engine::why_held(memory_));
  told_held_ = true;
  board_.wait(kStatePauseMs);
  return {};
}

int64_t MovePair::patience_ms() const { return std::max(kMinPatienceMs, 4 * node_timeout_ms_); }

Status MovePair::step_atomically() {
  bool any = false;
  if (Status finished = finish_open_slots(any); !finished || any) return finished;
  engine::AtomicLimits limits;
  limits.keys_a_job = std::max<int64_t>(1, options_.atomic_keys_a_job);
  limits.silence_timeout_ms = node_timeout_ms_;
  if (options_.max_bytes_per_s > 0) {
    int64_t bytes_a_key =
        move_.keys > 0 && move_.bytes > 0 ? std::max<int64_t>(1, move_.bytes / move_.keys) : 100;
    limits.keys_a_job = std::clamp<int64_t>(options_.max_bytes_per_s / bytes_a_key, 1, limits.keys_a_job);
    limits.jobs_at_once = 1;
  }
  if (options_.max_latency_ms > 0) limits.jobs_at_once = 1;
  Result<engine::MoveProgress> moved = engine::move_slots_atomically(servers_, task(), limits, hooks());
  return moved ? Status{} : fail(moved.error());
}

// Slots that an interrupted move by the classic way left open are finished in that way: the servers refuse
// atomic migration while any is open.
Status MovePair::finish_open_slots(bool& any) {
  cluster::SlotSet open;
  for (const std::string& id : {from_id_, to_id_}) {
    engine::Request request{observed_->find_id(id)->address, {{"CLUSTER", "NODES"}}};
    engine::Response response = std::move(servers_.exchange({request}, session_.timeout_ms).front());
    if (response.error) return fail(*response.error);
    std::vector<cluster::OpenSlot> slots;
    Result<std::vector<cluster::PeerView>> peers =
        engine::parse_cluster_nodes(response.replies[0].text, &slots);
    if (!peers) return fail(peers.error());
    for (const cluster::OpenSlot& slot : slots) open.set(slot.slot);
  }
  open &= left_;
  any = open.any();
  return any ? step_classic(open) : Status{};
}

// Looks again and goes on: with the same servers, or with those that took their place. The error itself if
// that is of no use.
Status MovePair::recover(const Error& error) {
  bool may_pass = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
  if (board_.stopping()) return may_pass ? Status{} : fail(error);
  if (++failures_ > kMaxFailures || now_ms() - progress_ms_ > patience_ms()) return fail(error);
  std::string from_before = from_id_;
  std::string to_before = to_id_;
  int64_t pause_ms = std::min(kLongestPauseMs, kFirstPauseMs * failures_);
  while (!board_.stopping()) {
    board_.wait(pause_ms);
    Status found = find_both();
    bool replaced = from_id_ != from_before || to_id_ != to_before;
    // What the servers refused stays refused, unless it is others that are asked now.
    if (found) return may_pass || replaced ? Status{} : fail(error);
    if (!may_pass) return fail(error);
    if (now_ms() - progress_ms_ > patience_ms())
      return fail(error.code, found.error().message + "; " + error.message);
    pause_ms = std::min(kLongestPauseMs, pause_ms * 2);
  }
  return {};
}

Status MovePair::find_both() {
  Result<cluster::Observed> now = look();
  if (!now) return fail(now.error());
  Result<const NodeFacts*> to = acting_primary(*now, to_shard_);
  if (!to) return fail(to.error());
  Result<const NodeFacts*> from = acting_primary(*now, from_shard_);
  if (!from && arrived(**to)) return {};
  if (!from) return fail(from.error());
  for (const auto& [before, node] : {std::pair{&from_id_, *from}, std::pair{&to_id_, *to}}) {
    if (*before == node->server.id) continue;
    board_.warn(
        fmt::format("{} has taken over from {}; going on with it", to_string(node->address), *before));
    *before = node->server.id;
  }
  later_ = std::move(*now);
  observed_ = &later_;
  return hand_on_arrived();
}

// What the target had been given just before it died its successor may not have heard of (Redis 7.0 tells
// replicas by gossip only; on Valkey an old message of the target undoes what its replica was told). It has
// the keys, as it has all data of its primary. If the target had no time to answer, the source tells that it
// owns the slot no more.
Status MovePair::hand_on_arrived() {
  cluster::SlotSet arrived = cluster::to_set(move_.slots) & ~left_;
  const cluster::PeerView* source = cluster::own_view(*observed_->find_id(from_id_));
  if (source != nullptr && from_id_ == move_.from_id) arrived |= left_ & ~cluster::to_set(source->slots);
  cluster::SlotSet orphans = orphaned(*observed_, arrived, to_shard_, to_id_);
  if (orphans.none()) return {};
  engine::Request request{to(), {}};
  for (size_t slot = 0; slot < orphans.size(); ++slot) {
    if (orphans[slot])
      request.commands.push_back({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", to_id_});
  }
  engine::Response told = std::move(servers_.exchange({request}, session_.timeout_ms).front());
  if (told.error) return fail(*told.error);
  for (size_t i = 0; i < told.replies.size(); ++i) {
    if (!told.replies[i].ok()) return fail(engine::refusal(to(), request.commands[i], told.replies[i]));
  }
  return {};
}

// A source that hears that its last slot is the target's becomes a replica of it (cluster-allow-replica-
// migration), and Valkey then hangs up on whoever waits for an answer about that slot: all is done by then.
bool MovePair::arrived(const NodeFacts& to) {
  const cluster::PeerView* own = cluster::own_view(to);
  if (own == nullptr || (left_ & ~cluster::to_set(own->slots)).any()) return false;
  board_.add({.slots_done = static_cast<int>(left_.count()), .keys_moved = 0, .bytes_moved = 0});
  left_.reset();
  return true;
}

Result<cluster::Observed> MovePair::look() const {
  Error last{ErrorCode::kUnavailable, "no node of the cluster answers"};
  for (const Address& seed : seeds_) {
    Result<cluster::Observed> observed =
        engine::survey(servers_, seed, {.timeout_ms = session_.timeout_ms, .reach = session_.reach});
    if (observed) return observed;
    last = observed.error();
  }
  return fail(last);
}

Error MovePair::explain(Error error) const {
  if (error.code == ErrorCode::kExhausted) {
    error.message = fmt::format("{} cannot take more keys, its memory is full (maxmemory): {}",
                                to_string(to()), error.message);
  }
  if (left_.any()) {
    error.message +=
        fmt::format("; {} of {} are still to be moved from {} to {}", left_.count(),
                    count_of(cluster::count(move_.slots), "slot"), to_string(from()), to_string(to()));
  }
  return error;
}

// What was opened and has nothing at the target yet is closed; of the rest a person must know.
void MovePair::leave_whole() {
  cluster::SlotSet open = memory_.opened & left_ & ~memory_.held;
  if (open.none()) return;
  engine::MoveTask rest = task();
  rest.slots = cluster::to_ranges(open);
  Result<cluster::SlotRanges> closed = engine::close_untouched(servers_, rest);
  cluster::SlotRanges left = closed ? *closed : rest.slots;
  if (left.empty()) return;
  board_.warn(
      fmt::format("slots {} stay open between {} and {}: both serve their keys; the same command again "
                  "finishes them, or fix",
                  cluster::to_string(left), to_string(rest.from), to_string(rest.to)));
}

}  // namespace keyway::admin
