// gather_keys.
#include <algorithm>

#include "admin/fix_conflicts.h"
#include "admin/fix_keys.h"
#include "admin/look.h"
#include "base/format.h"
#include "base/strings.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::Mend;
using cluster::NodeFacts;
using cluster::PeerView;
using cluster::Slot;
using resp::Command;
using resp::Reply;

constexpr size_t kSlotsAtOnce = 64;
constexpr int64_t kMigrateTimeoutMs = 3000;
constexpr int64_t kCallMs = 20;  // a MIGRATE shall not block the servers for longer
constexpr size_t kFirstKeys = 16;
constexpr size_t kMaxKeys = 1000;
constexpr size_t kMaxUndecided = 10'000;  // of a slot

// One pair of nodes.
class Gathering {
 public:
  Gathering(const FixContext& context, const NodeFacts& stray, const NodeFacts& owner)
      : context_(context), stray_(stray), owner_(owner) {}

  Status gather(const std::vector<Slot>& slots);
  int64_t moved() const { return moved_; }

 private:
  Status open(const std::vector<Slot>& slots);
  Status drain(Slot slot);
  Result<std::vector<std::string>> list(Slot slot, const std::set<std::string>& without);
  Status migrate(const std::vector<std::string>& keys, bool replace);
  Status settle(const std::vector<std::string>& keys, std::set<std::string>& undecided);
  Status check_empty(Slot slot, size_t undecided);

  const FixContext& context_;
  const NodeFacts& stray_;
  const NodeFacts& owner_;
  size_t keys_a_call_ = kFirstKeys;
  int64_t moved_ = 0;
};

// The owner must not have the slots open itself: it would send the keys that it has not got elsewhere.
Status Gathering::open(const std::vector<Slot>& slots) {
  cluster::SlotSet closing =
      context_.open_on(owner_.server.id, true) | context_.open_on(owner_.server.id, false);
  std::vector<Command> on_owner;
  std::vector<Command> on_stray;
  const PeerView* seen = context_.view(stray_.server.id, owner_.server.id);
  cluster::SlotSet believed = seen == nullptr ? cluster::SlotSet{} : cluster::to_set(seen->slots);
  for (Slot slot : slots) {
    if (closing[slot]) on_owner.push_back(set_slot(slot, "STABLE"));
    if (!believed[slot]) on_stray.push_back(set_slot(slot, "NODE", owner_.server.id));
    on_stray.push_back(set_slot(slot, "IMPORTING", owner_.server.id));
  }
  if (auto closed = context_.ask(owner_.server.id, on_owner); !closed) return fail(closed.error());
  auto opened = context_.ask(stray_.server.id, on_stray);
  return opened ? Status{} : Status(fail(opened.error()));
}

Status Gathering::gather(const std::vector<Slot>& slots) {
  if (Status opened = open(slots); !opened) return opened;
  Status drained;
  for (Slot slot : slots) {
    if (drained && !context_.session().interrupted()) drained = drain(slot);
  }
  // Also if it failed: what is left are strays as before.
  std::vector<Command> closing;
  for (Slot slot : slots) closing.push_back(set_slot(slot, "STABLE"));
  auto closed = context_.ask(stray_.server.id, closing);
  if (!drained) return drained;
  return closed ? Status{} : Status(fail(closed.error()));
}

Result<std::vector<std::string>> Gathering::list(Slot slot, const std::set<std::string>& without) {
  auto replies = context_.ask(stray_.server.id, {{"CLUSTER", "GETKEYSINSLOT", std::to_string(slot),
                                                  std::to_string(keys_a_call_ + without.size())}});
  if (!replies) return fail(replies.error());
  std::vector<std::string> keys;
  for (Reply& key : replies->front().elements) {
    if (!without.contains(key.text)) keys.push_back(std::move(key.text));
  }
  return keys;
}

Status Gathering::drain(Slot slot) {
  std::set<std::string> undecided;
  while (undecided.size() <= kMaxUndecided && !context_.session().interrupted()) {
    Result<std::vector<std::string>> keys = list(slot, undecided);
    if (!keys) return fail(keys.error());
    if (keys->empty()) return check_empty(slot, undecided.size());
    if (Status moved = migrate(*keys, false); !moved) return moved;
    // What is still there has a namesake on the owner.
    Result<std::vector<std::string>> left = list(slot, undecided);
    if (!left) return fail(left.error());
    std::set<std::string> tried(keys->begin(), keys->end());
    std::erase_if(*left, [&](const std::string& key) { return !tried.contains(key); });
    moved_ += static_cast<int64_t>(keys->size() - left->size());
    if (Status settled = settle(*left, undecided); !settled) return settled;
  }
  return {};
}

// Those that the target has already stay where they are; the others are moved all the same.
Status Gathering::migrate(const std::vector<std::string>& keys, bool replace) {
  if (keys.empty()) return {};
  const Session& session = context_.session();
  Address to = meeting_address(session, context_.scene().observed(), owner_);
  Command command = {"MIGRATE", to.host, std::to_string(to.port), "", "0", std::to_string(kMigrateTimeoutMs)};
  if (replace) command.push_back("REPLACE");
  if (!session.user.empty()) {
    command.insert(command.end(), {"AUTH2", session.user, session.password});
  } else if (!session.password.empty()) {
    command.insert(command.end(), {"AUTH", session.password});
  }
  command.push_back("KEYS");
  command.insert(command.end(), keys.begin(), keys.end());
  int64_t begin_ms = now_ms();
  Result<Reply> reply =
      session.servers.call(stray_.address, command, session.timeout_ms + 2 * kMigrateTimeoutMs);
  if (!reply) return fail(reply.error());
  bool held_back = reply->is_error() && reply->text.find("BUSYKEY") != std::string::npos;
  if (reply->is_error() && !held_back) return fail(engine::refusal(stray_.address, command, *reply));
  int64_t call_ms = now_ms() - begin_ms;
  if (call_ms > kCallMs) {
    keys_a_call_ = std::max<size_t>(1, keys_a_call_ / 2);
  } else if (call_ms * 2 <= kCallMs) {
    keys_a_call_ = std::min(kMaxKeys, keys_a_call_ * 2);
  }
  return {};
}

Status Gathering::settle(const std::vector<std::string>& keys, std::set<std::string>& undecided) {
  if (keys.empty()) return {};
  Result<Settled> settled = settle_copies(context_, {.owner = &owner_, .stray = &stray_}, keys);
  if (!settled) return fail(settled.error());
  undecided.merge(settled->undecided);
  moved_ += static_cast<int64_t>(settled->stray_wins.size());
  return migrate(settled->stray_wins, true);
}

// The list is of one database, the count of all.
Status Gathering::check_empty(Slot slot, size_t undecided) {
  auto replies = context_.ask(stray_.server.id, {{"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}});
  if (!replies) return fail(replies.error());
  int64_t left = replies->front().integer - static_cast<int64_t>(undecided);
  if (left <= 0) return {};
  return fail(ErrorCode::kConflict,
              fmt::format("{} of slot {} on {} cannot be moved (in a database other than 0?)",
                          count_of(left, "key"), slot, stray_.name));
}

}  // namespace

Status gather_keys(const FixContext& context, const Mend& mend) {
  Result<const NodeFacts*> stray = context.node(mend.node);
  if (!stray) return fail(stray.error());
  Result<const NodeFacts*> owner = context.node(mend.other);
  if (!owner) return fail(owner.error());
  Gathering gathering(context, **stray, **owner);
  Status gathered;
  for (const std::vector<Slot>& slots : portions(mend.slots, kSlotsAtOnce)) {
    if (gathered && !context.session().interrupted()) gathered = gathering.gather(slots);
    context.session().reporter.progress(
        {.what = "gathering keys", .unit = "keys", .keys = context.result().keys_moved + gathering.moved()});
  }
  context.result().keys_moved += gathering.moved();
  if (gathering.moved() > 0) {
    context.done(fmt::format("moved {} of {} from {} to their owner {}", count_of(gathering.moved(), "key"),
                             count_of(cluster::count(mend.slots), "slot"), (*stray)->name, (*owner)->name));
  }
  return gathered;
}

}  // namespace keyway::admin
