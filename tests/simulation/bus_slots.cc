// What the commands that give, take and move slots do to a server's node table.
#include "bus.h"
#include "server.h"

namespace keyway::simulation {

std::string Bus::add_slots(const cluster::SlotRanges& ranges) {
  for (const cluster::SlotRange& range : ranges) {
    for (int slot = range.first; slot <= range.last; ++slot) {
      if (owner(slot) != kNobody) return fmt::format("ERR Slot {} is already busy", slot);
    }
  }
  for (const cluster::SlotRange& range : ranges) {
    table_.slots.set(range.first, range.last, my_id());
    for (int slot = range.first; slot <= range.last; ++slot) table_.importing.erase(slot);
  }
  bool took = takes_writes_;
  update_state();
  if (took && takes_writes_) server_.world.ledger.takes_over(server_, Claim::kOrdered);
  return "";
}

std::string Bus::delete_slots(const cluster::SlotRanges& ranges) {
  for (const cluster::SlotRange& range : ranges) {
    for (int slot = range.first; slot <= range.last; ++slot) {
      if (owner(slot) == kNobody) return fmt::format("ERR Slot {} is already unassigned", slot);
    }
  }
  for (const cluster::SlotRange& range : ranges) table_.slots.set(range.first, range.last, kNobody);
  update_state();
  return "";
}

std::string Bus::set_slot_migrating(int slot, int id) {
  if (!is_primary()) return "ERR Please use SETSLOT only with masters.";
  if (owner(slot) != my_id()) return fmt::format("ERR I'm not the owner of hash slot {}", slot);
  const Peer* to = find(id);
  if (to == nullptr) return "ERR I don't know about node";
  if (!to->primary) return "ERR Target node is not a master";
  table_.migrating[slot] = id;
  replicate_open_slots();
  return "";
}

std::string Bus::set_slot_importing(int slot, int id) {
  if (!is_primary()) return "ERR Please use SETSLOT only with masters.";
  if (owner(slot) == my_id()) return fmt::format("ERR I'm already the owner of hash slot {}", slot);
  const Peer* from = find(id);
  if (from == nullptr) return "ERR I don't know about node";
  if (!from->primary) return "ERR Target node is not a master";
  table_.importing[slot] = id;
  replicate_open_slots();
  return "";
}

void Bus::set_slot_stable(int slot) {
  table_.importing.erase(slot);
  table_.migrating.erase(slot);
  replicate_open_slots();
}

std::string Bus::set_slot_node(int slot, int id) {
  if (!is_primary()) return "ERR Please use SETSLOT only with masters.";
  const Peer* to = find(id);
  if (to == nullptr) return "ERR Unknown node";
  if (!to->primary) return "ERR Target node is not a master";
  if (owner(slot) == my_id() && id != my_id() && server_.count_keys(slot) != 0) {
    return fmt::format(
        "ERR Can't assign hashslot {} to a different node while I still hold keys for this hash slot.", slot);
  }
  if (server_.count_keys(slot) == 0) table_.migrating.erase(slot);
  table_.slots.set(slot, slot, id);
  if (id == my_id() && table_.importing.contains(slot)) {
    // The new owner's claim needs a higher epoch than the old one's.
    bump_epoch();
    table_.importing.erase(slot);
    broadcast(BusMessage::Type::kPong);
  }
  replicate_open_slots();
  update_state();
  return "";
}

// A full or partial copy brings the open slots along.
void Bus::adopt_open_slots(const Bus& primary) {
  if (server_.world.settings.flavour != Flavour::kValkey8 || is_primary()) return;
  table_.migrating = primary.table_.migrating;
  table_.importing = primary.table_.importing;
}

// Valkey tells its replicas of open slots.
void Bus::replicate_open_slots() {
  if (server_.world.settings.flavour != Flavour::kValkey8) return;
  for (const Replication::Follower& f : server_.replication.followers()) {
    Server* replica = server_.world.server(f.place, f.pid);
    if (replica == nullptr || !f.online || replica->bus == nullptr || replica->bus->is_primary()) continue;
    replica->bus->adopt_open_slots(*this);
  }
}

}  // namespace keyway::simulation
