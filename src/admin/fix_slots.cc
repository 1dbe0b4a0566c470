#include "admin/fix_slots.h"

#include "base/format.h"
#include "base/strings.h"

namespace keyway::admin {

namespace {

using cluster::Mend;
using cluster::PeerView;
using cluster::Slot;
using cluster::SlotRanges;
using cluster::SlotSet;
using resp::Command;

constexpr size_t kSlotsAtOnce = 512;

// "CLUSTER ADDSLOTSRANGE 0 5 7 7"; nothing if there are no slots.
void add_range_command(std::vector<Command>& commands, const char* name, const SlotSet& slots) {
  if (slots.none()) return;
  Command& command = commands.emplace_back(Command{"CLUSTER", name});
  for (const cluster::SlotRange& range : cluster::to_ranges(slots)) {
    command.push_back(std::to_string(range.first));
    command.push_back(std::to_string(range.last));
  }
}

SlotSet set_of(const std::vector<Slot>& slots) {
  SlotSet set;
  for (Slot slot : slots) set.set(slot);
  return set;
}

// A primary that the node can name as the one that it imports from. The owner if it knows it; the name has no
// effect beyond being told.
std::string importable_from(const FixContext& context, const Mend& mend) {
  if (context.scene().knows_primary(mend.node, mend.other)) return mend.other;
  const cluster::NodeFacts* facts = context.scene().answering(mend.node);
  for (const PeerView& peer : facts->server.peers) {
    if (peer.primary && !peer.myself && !peer.handshake) return peer.id;
  }
  return {};
}

// The slots that some other node owns in the eyes of this one, and those that it takes for its own.
struct Beliefs {
  SlotSet others;
  SlotSet own;
};

Beliefs beliefs_of(const FixContext& context, const std::string& id) {
  Beliefs beliefs;
  for (const PeerView& peer : context.scene().answering(id)->server.peers) {
    (peer.myself ? beliefs.own : beliefs.others) |= cluster::to_set(peer.slots);
  }
  return beliefs;
}

std::string slots_text(const SlotRanges& slots) {
  return fmt::format("{} {}", cluster::count(slots) == 1 ? "slot" : "slots", cluster::to_string(slots));
}

}  // namespace

Status release_slots(const FixContext& context, const Mend& mend) {
  if (Result<const cluster::NodeFacts*> there = context.node(mend.node); !there) return fail(there.error());
  std::string from = importable_from(context, mend);
  bool knows_owner = from == mend.other;
  for (const std::vector<Slot>& slots : portions(mend.slots, kSlotsAtOnce)) {
    std::vector<Command> commands;
    add_range_command(commands, "DELSLOTSRANGE", set_of(slots));
    for (Slot slot : slots) {
      if (knows_owner) commands.push_back(set_slot(slot, "NODE", mend.other));
      if (!from.empty()) commands.push_back(set_slot(slot, "IMPORTING", from));
    }
    if (Status released = context.transact(mend.node, commands); !released) return released;
  }
  context.done(fmt::format("{} does not claim {} any more: the owner is {}", context.scene().label(mend.node),
                           slots_text(mend.slots), context.scene().label(mend.other)));
  return {};
}

Status assign_slots(const FixContext& context, const Mend& mend) {
  if (Result<const cluster::NodeFacts*> there = context.node(mend.node); !there) return fail(there.error());
  Beliefs beliefs = beliefs_of(context, mend.node);
  SlotSet slots = cluster::to_set(mend.slots);
  std::vector<Command> commands;
  add_range_command(commands, "DELSLOTSRANGE", slots & beliefs.others);
  add_range_command(commands, "ADDSLOTSRANGE", slots & ~beliefs.own);
  SlotSet open = slots & (context.open_on(mend.node, true) | context.open_on(mend.node, false));
  for (const std::vector<Slot>& portion : portions(cluster::to_ranges(open), open.size())) {
    for (Slot slot : portion) commands.push_back(set_slot(slot, "STABLE"));
  }
  // Others may know an owner of before with a higher epoch than this node's.
  commands.push_back({"CLUSTER", "BUMPEPOCH"});
  if (Status taken = context.transact(mend.node, commands); !taken) return taken;
  context.done(fmt::format("{} owns {} now", context.scene().label(mend.node), slots_text(mend.slots)));
  return context.greet_all(mend.node);
}

Status close_slots(const FixContext& context, const Mend& mend) {
  SlotSet slots = cluster::to_set(mend.slots);
  for (const cluster::NodeFacts& facts : context.scene().observed().nodes) {
    if (context.scene().primary(cluster::effective_id(facts)) == nullptr) continue;
    const std::string& id = facts.server.id;
    SlotSet open = slots & (context.open_on(id, true) | context.open_on(id, false));
    for (const std::vector<Slot>& portion : portions(cluster::to_ranges(open), kSlotsAtOnce)) {
      std::vector<Command> commands;
      for (Slot slot : portion) commands.push_back(set_slot(slot, "STABLE"));
      if (auto closed = context.ask(id, commands); !closed) return fail(closed.error());
    }
  }
  context.done(fmt::format("{} {} not open any more", slots_text(mend.slots),
                           cluster::count(mend.slots) == 1 ? "is" : "are"));
  return {};
}

Status tell_owner(const FixContext& context, const Mend& mend) {
  for (const std::vector<Slot>& slots : portions(mend.slots, kSlotsAtOnce)) {
    std::vector<Command> commands;
    for (Slot slot : slots) commands.push_back(set_slot(slot, "NODE", mend.other));
    if (auto told = context.ask(mend.node, commands); !told) return fail(told.error());
  }
  context.done(fmt::format("{} was told that {} owns {}", context.scene().label(mend.node),
                           context.scene().label(mend.other), slots_text(mend.slots)));
  return {};
}

}  // namespace keyway::admin
