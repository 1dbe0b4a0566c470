// The messages of the cluster bus: what they carry, and what a server does when it gets one
// (clusterProcessPacket).
#include <algorithm>

#include "bus.h"
#include "server.h"

namespace keyway::simulation {

BusMessage Bus::header(BusMessage::Type type) const {
  const Peer& self = me();
  const Peer* primary = self.primary || self.primary_id < 0 ? &self : find(self.primary_id);
  if (primary == nullptr) primary = &self;
  BusMessage message;
  message.type = type;
  message.sender_id = self.id;
  message.sender_place = server_.place;
  message.current_epoch = table_.current_epoch;
  message.config_epoch = primary->config_epoch;
  message.primary = self.primary;
  message.primary_id = self.primary_id;
  message.slots = std::make_shared<const cluster::SlotRanges>(table_.slots.of(primary->id));
  message.offset = server_.replication.offset;
  message.writes_paused = self.primary && handover_under_way();
  return message;
}

void Bus::add_gossip(BusMessage& message) {
  auto add = [&message](const Peer& peer) {
    message.gossip.push_back(
        {peer.id, peer.place, peer.primary, peer.fail, peer.pfail, peer.pong_received_us});
  };
  int count = static_cast<int>(table_.peers.size());
  int first = server_.world.random.below(count);
  int wanted = std::min(count, std::max(3, count / 10));
  for (int i = 0; i < wanted; ++i) {
    const Peer& peer = table_.peers[static_cast<size_t>((first + i) % count)];
    if (peer.id == my_id() || peer.pfail || peer.place < 0) continue;
    if (!peer.linked && !owns_slots(peer.id)) continue;
    add(peer);
  }
  for (const Peer& peer : table_.peers) {
    if (peer.pfail && peer.id != my_id()) add(peer);
  }
}

void Bus::send(int place, BusMessage message) {
  World& world = server_.world;
  Server* other = world.server(place);
  if (other == nullptr || !other->listens() || world.network.cut(server_.place, place)) return;
  using Type = BusMessage::Type;
  if (message.type == Type::kPing || message.type == Type::kPong || message.type == Type::kMeet)
    add_gossip(message);
  int64_t delay_us = 200 + (server_.place * 7 + place * 13) % 5 * 60;
  world.message_to(place, other->pid, delay_us, [message = std::move(message)](Server& receiver) {
    if (receiver.bus != nullptr) receiver.bus->receive(message);
  });
}

void Bus::send_to(Peer& peer, BusMessage::Type type) {
  if (!peer.linked) return;
  BusMessage message = header(type);
  message.asked_id = peer.id;
  if (type == BusMessage::Type::kPing) {
    peer.ping_sent_us = now();
    peer.held_back = server_.world.network.cut_any(server_.place, peer.place);
  }
  send(peer.place, std::move(message));
}

void Bus::broadcast(BusMessage::Type type) {
  BusMessage message = header(type);
  message.force_ack = handover_under_way();
  for (const Peer& peer : table_.peers) {
    if (peer.id != my_id() && peer.linked) send(peer.place, message);
  }
}

void Bus::broadcast_fail(int about) {
  BusMessage message = header(BusMessage::Type::kFail);
  message.about_id = about;
  for (const Peer& peer : table_.peers) {
    if (peer.id != my_id() && peer.linked) send(peer.place, message);
  }
}

void Bus::receive(const BusMessage& message) {
  using Type = BusMessage::Type;
  Peer* sender = find(message.sender_id);
  if (sender != nullptr) {
    sender->data_received_us = now();
    table_.current_epoch = std::max(table_.current_epoch, message.current_epoch);
    sender->config_epoch = std::max(sender->config_epoch, message.config_epoch);
    sender->offset = message.offset;
    if (handover_under_way() && !is_primary() && me().primary_id == message.sender_id &&
        message.writes_paused && handover_offset_ < 0) {
      handover_offset_ = message.offset;
    }
  }
  switch (message.type) {
    case Type::kPing:
    case Type::kMeet:
    case Type::kPong:
      handle_ping(message, sender);
      break;
    case Type::kFail:
      if (Peer* about = find(message.about_id);
          sender != nullptr && about != nullptr && !about->fail && about->id != my_id()) {
        about->fail = true;
        about->pfail = false;
        about->fail_at_us = now();
        state_dirty_ = true;
      }
      break;
    case Type::kAuthRequest:
      if (sender != nullptr) vote(message, *sender);
      break;
    case Type::kAuthAck:
      if (sender != nullptr && sender->primary && owns_slots(sender->id) &&
          message.current_epoch >= auth_epoch_) {
        ++auth_votes_;
      }
      break;
    case Type::kMfStart:
      if (sender != nullptr && sender->primary_id == my_id()) start_handover(message);
      break;
    case Type::kUpdate:
      if (sender != nullptr) handle_update(message);
      break;
  }
  if (!started_ || !server_.serving()) return;
  if (!is_primary()) {
    handle_handover();
    handle_failover();
  }
  if (state_dirty_) update_state();
}

void Bus::handle_ping(const BusMessage& message, Peer* sender) {
  using Type = BusMessage::Type;
  if (message.type != Type::kPong) {
    if (sender == nullptr && message.type == Type::kMeet) {
      bool known = std::any_of(handshakes_.begin(), handshakes_.end(),
                               [&](const Handshake& h) { return h.place == message.sender_place; });
      if (!known) handshakes_.push_back(Handshake{message.sender_place, now(), false, false});
      handle_gossip(message, nullptr);
    }
    BusMessage pong = header(Type::kPong);
    pong.asked_id = message.asked_id;
    send(message.sender_place, std::move(pong));
  } else {
    handle_pong(message, sender);
    sender = find(message.sender_id);  // a handshake may have made it known
  }
  if (sender == nullptr || sender->id == my_id()) return;
  if (message.type == Type::kPing && sender->place != message.sender_place) {
    sender->place = message.sender_place;
    sender->linked = false;
    if (!is_primary() && me().primary_id == sender->id) server_.replication.follow(sender->place);
  }
  note_role(message, *sender);
  handle_config(message, *sender);
  if (Peer* still = find(message.sender_id)) handle_gossip(message, still);
}

void Bus::handle_pong(const BusMessage& message, Peer* sender) {
  auto shake = std::find_if(handshakes_.begin(), handshakes_.end(),
                            [&](const Handshake& h) { return h.place == message.sender_place && h.linked; });
  if (shake != handshakes_.end()) {
    handshakes_.erase(shake);
    if (message.sender_id == my_id()) return;
    if (sender == nullptr) {
      sender = &add_peer(message.sender_id, message.sender_place);
      sender->primary = message.primary;
    } else if (sender->place != message.sender_place) {
      sender->place = message.sender_place;
      sender->linked = false;
    }
  }
  if (message.asked_id >= 0 && message.asked_id != message.sender_id) {
    // Another server lives at that address now.
    Peer* asked = find(message.asked_id);
    if (asked != nullptr && asked->place == message.sender_place) {
      asked->place = -1;
      asked->linked = false;
    }
    return;
  }
  if (sender == nullptr) return;
  sender->pong_received_us = now();
  sender->ping_sent_us = 0;
  if (sender->pfail) {
    sender->pfail = false;
    state_dirty_ = true;
  } else if (sender->fail) {
    clear_failure(*sender);
  }
}

void Bus::note_role(const BusMessage& message, Peer& sender) {
  if (message.primary) {
    if (!sender.primary) {
      state_dirty_ = true;
      if (server_.world.settings.flavour == Flavour::kValkey8) repoint_open_slots(sender);
    }
    sender.primary = true;
    sender.primary_id = -1;
    return;
  }
  if (sender.primary) {
    table_.slots.clear_owner(sender.id);
    sender.primary = false;
    state_dirty_ = true;
  }
  if (find(message.primary_id) != nullptr) sender.primary_id = message.primary_id;
}

// Valkey: the other end of an open slot was replaced by another node of its shard.
void Bus::repoint_open_slots(const Peer& sender) {
  const World& world = server_.world;
  for (auto* open : {&table_.migrating, &table_.importing}) {
    for (auto& [slot, id] : *open) {
      const Peer* other = find(id);
      if (other == nullptr || other->place < 0 || sender.place < 0) continue;
      if (world.place(other->place).shard == world.place(sender.place).shard) id = sender.id;
    }
  }
}

void Bus::handle_config(const BusMessage& message, Peer& sender) {
  int holder = sender.primary ? sender.id : sender.primary_id;
  bool differs = holder >= 0 && table_.slots.of(holder) != *message.slots;
  int sender_id = sender.id;
  if (sender.primary && differs) update_slots(sender_id, message.config_epoch, *message.slots);
  if (differs) {
    // It claims slots that we know under a higher epoch: tell it.
    for (const cluster::SlotRange& range : subtract(*message.slots, table_.slots.of(sender_id))) {
      if (cluster::contains(unclaimed_, range.first)) continue;
      const Peer* better = find(owner(range.first));
      if (better == nullptr || better->config_epoch <= message.config_epoch) continue;
      BusMessage update = header(BusMessage::Type::kUpdate);
      update.about_id = better->id;
      update.about_epoch = better->config_epoch;
      update.about_slots = std::make_shared<const cluster::SlotRanges>(table_.slots.of(better->id));
      const Peer* to = find(sender_id);
      if (to != nullptr && to->linked) send(to->place, std::move(update));
      break;
    }
  }
  handle_collision(message);
}

void Bus::handle_collision(const BusMessage& message) {
  if (!is_primary() || !message.primary || message.config_epoch != me().config_epoch) return;
  const World& world = server_.world;
  if (world.id_text(message.sender_id) <= world.id_text(my_id())) return;
  ++table_.current_epoch;
  myself().config_epoch = table_.current_epoch;
}

void Bus::handle_gossip(const BusMessage& message, Peer* sender) {
  int sender_id = sender == nullptr ? -1 : sender->id;
  bool trusted = sender != nullptr && sender->primary;
  for (const BusMessage::Gossip& about : message.gossip) {
    if (about.id == my_id()) continue;
    Peer* node = find(about.id);
    if (node == nullptr) {
      auto ban = banned_.find(about.id);
      bool banned = ban != banned_.end() && ban->second > now();
      if (sender_id < 0 || about.place < 0 || banned) continue;
      Peer& added = add_peer(about.id, about.place);
      added.primary = about.primary;
      continue;
    }
    bool bad = about.fail || about.pfail;
    if (trusted) {
      auto report = std::find_if(node->reports.begin(), node->reports.end(),
                                 [&](const auto& r) { return r.first == sender_id; });
      if (bad) {
        if (report == node->reports.end()) {
          node->reports.emplace_back(sender_id, now());
        } else {
          report->second = now();
        }
        mark_failing(*node);
      } else if (report != node->reports.end()) {
        node->reports.erase(report);
      }
    }
    if (!bad && node->ping_sent_us == 0 && node->reports.empty() && about.pong_us > node->pong_received_us) {
      node->pong_received_us = about.pong_us;
    }
    if ((node->fail || node->pfail) && !bad && about.place >= 0 && about.place != node->place) {
      node->place = about.place;
      node->linked = false;
    }
  }
}

void Bus::handle_update(const BusMessage& message) {
  Peer* about = find(message.about_id);
  if (about == nullptr || about->config_epoch >= message.about_epoch) return;
  about->primary = true;
  about->primary_id = -1;
  about->config_epoch = message.about_epoch;
  state_dirty_ = true;
  update_slots(message.about_id, message.about_epoch, *message.about_slots);
}

// The slots that a claim rebinds: those of nobody, of an owner with a lower epoch, or of one that no longer
// claims them; but not those that this server is importing, which only commands change.
cluster::SlotRanges Bus::claimable(int sender_id, uint64_t epoch, const cluster::SlotRanges& slots) const {
  cluster::SlotRanges result;
  for (const cluster::SlotRange& range : subtract(slots, table_.slots.of(sender_id))) {
    for (const SlotMap::Run& run : table_.slots.runs()) {
      int first = std::max<int>(run.first, range.first);
      int last = std::min<int>(run.last, range.last);
      if (first > last) continue;
      cluster::SlotRanges part = {{static_cast<cluster::Slot>(first), static_cast<cluster::Slot>(last)}};
      bool stronger = run.owner != kNobody && find(run.owner)->config_epoch >= epoch;
      if (stronger) part = subtract(part, subtract(part, unclaimed_));
      result.insert(result.end(), part.begin(), part.end());
    }
  }
  for (const auto& [slot, from] : table_.importing) {
    auto at = static_cast<cluster::Slot>(slot);
    if (from == sender_id && server_.world.settings.flavour == Flavour::kValkey8) continue;
    result = subtract(result, {{at, at}});
  }
  return result;
}

// A node claims slots under an epoch: rebinds those it is right about, and turns this server into its replica
// if it has taken the place of this server or of its primary (clusterUpdateSlotsConfigWith).
void Bus::update_slots(int sender_id, uint64_t epoch, const cluster::SlotRanges& slots) {
  if (sender_id == my_id()) return;
  cluster::SlotRanges left = subtract(table_.slots.of(sender_id), slots);
  int current = is_primary() ? my_id() : me().primary_id;
  cluster::SlotRanges lost_with_keys;
  int from_us = 0;
  for (const cluster::SlotRange& range : claimable(sender_id, epoch, slots)) {
    for (const SlotMap::Run& run : std::vector<SlotMap::Run>(table_.slots.runs())) {
      int first = std::max<int>(run.first, range.first);
      int last = std::min<int>(run.last, range.last);
      for (int slot = first; slot <= last; ++slot) {
        if (run.owner == my_id() && server_.count_keys(slot) > 0) {
          lost_with_keys.push_back({static_cast<cluster::Slot>(slot), static_cast<cluster::Slot>(slot)});
        }
        from_us += run.owner == current ? 1 : 0;
      }
    }
    table_.slots.set(range.first, range.last, sender_id);
    state_dirty_ = true;
  }
  unclaimed_.insert(unclaimed_.end(), left.begin(), left.end());
  unclaimed_ = subtract(cluster::normalize(std::move(unclaimed_)), slots);
  const Peer* primary = is_primary() ? nullptr : find(me().primary_id);
  bool replaced = from_us > 0 && current >= 0 && !owns_slots(current) && cluster::count(slots) == from_us;
  if (replaced) {
    set_master(sender_id);
  } else if (primary != nullptr && !primary->primary && primary->primary_id >= 0 &&
             primary->primary_id != my_id()) {
    set_master(primary->primary_id);
  } else if (!lost_with_keys.empty()) {
    delete_keys_in(lost_with_keys);
  }
}

}  // namespace keyway::simulation
