// The commands that Keyway sends, as a server carries them out. A command that the model does not know is a
// violation, so that nothing is quietly answered with an error that real servers would not give.
#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "info_text.h"
#include "server.h"

namespace keyway::simulation {
namespace {

using resp::Command;
using resp::Reply;
using resp::ReplyType;

Reply status(std::string text) { return Reply{ReplyType::kStatus, 0, 0, std::move(text), {}}; }
Reply ok() { return status("OK"); }
Reply error(std::string text) { return Reply{ReplyType::kError, 0, 0, std::move(text), {}}; }
Reply text(std::string value) { return Reply{ReplyType::kString, 0, 0, std::move(value), {}}; }
Reply integer(int64_t value) { return Reply{ReplyType::kInteger, value, 0, "", {}}; }
Reply ok_or(const std::string& failure) { return failure.empty() ? ok() : error(failure); }

std::string lower(const Command& command, size_t index) {
  return index < command.size() ? to_lower(command[index]) : std::string();
}

int slot_at(const Command& command, size_t index) {
  if (index >= command.size()) return -1;
  std::optional<int64_t> slot = parse_int(command[index]);
  return slot && *slot >= 0 && *slot < cluster::kSlotCount ? static_cast<int>(*slot) : -1;
}

Reply unknown_command(Server& server, const Command& command) {
  server.world.ledger.violation("the model does not know the command " + resp::describe(command));
  return error("ERR unknown command '" + command[0] + "'");
}

// ADDSLOTS, DELSLOTS: single slots; …RANGE: pairs of ends.
cluster::SlotRanges slots_of(const Command& command, bool pairs) {
  cluster::SlotRanges ranges;
  for (size_t i = 2; i < command.size(); i += pairs ? 2 : 1) {
    int first = slot_at(command, i);
    int last = pairs ? slot_at(command, i + 1) : first;
    if (first < 0 || last < first) continue;
    ranges.push_back({static_cast<cluster::Slot>(first), static_cast<cluster::Slot>(last)});
  }
  return ranges;
}

Reply set_slot(Server& server, const Command& command) {
  Bus& bus = *server.bus;
  int slot = slot_at(command, 2);
  if (slot < 0) return error("ERR Invalid or out of range slot");
  std::string what = lower(command, 3);
  if (!bus.is_primary()) return error("ERR Please use SETSLOT only with masters.");
  if (what == "stable") {
    bus.set_slot_stable(slot);
    return ok();
  }
  int id = command.size() > 4 ? server.world.find_id(command[4]) : kNobody;
  if (what == "migrating") return ok_or(bus.set_slot_migrating(slot, id));
  if (what == "importing") return ok_or(bus.set_slot_importing(slot, id));
  if (what == "node") return ok_or(bus.set_slot_node(slot, id));
  return error("ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP");
}

Reply keys_in_slot(const Server& server, const Command& command) {
  int slot = slot_at(command, 2);
  int64_t limit = command.size() > 3 ? parse_int(command[3]).value_or(0) : 0;
  Reply reply;
  reply.type = ReplyType::kArray;
  for (size_t key = 0; key < server.values.size(); ++key) {
    if (server.values[key] == 0 || server.world.key_slots[key] != slot) continue;
    if (static_cast<int64_t>(reply.elements.size()) >= limit) break;
    reply.elements.push_back(text(server.world.key_names[key]));
  }
  return reply;
}

Reply failover_in_cluster(Server& server, const Command& command) {
  std::string how = lower(command, 2);
  bool known = how.empty() || how == "force" || how == "takeover";
  if (!known) return error("ERR syntax error");
  return ok_or(server.bus->failover(how == "force", how == "takeover"));
}

Reply array(std::vector<Reply> elements) { return Reply{ReplyType::kArray, 0, 0, "", std::move(elements)}; }

// CLUSTER SHARDS, of whose many fields Keyway reads the nodes' ids only. A server belongs to its place's
// shard for good, a former primary too (as since Redis 7.2).
Reply shards(const Server& server) {
  const World& world = server.world;
  std::map<std::string, std::vector<Reply>> nodes;
  for (const Peer& peer : server.bus->table().peers) {
    if (peer.place < 0) continue;
    nodes[world.place(peer.place).shard].push_back(array(
        {text("id"), text(world.id_text(peer.id)), text("role"), text(peer.primary ? "master" : "replica")}));
  }
  Reply reply = array({});
  for (auto& [shard, members] : nodes)
    reply.elements.push_back(array({text("nodes"), array(std::move(members))}));
  return reply;
}

Reply change_slots(Server& server, const Command& command, const std::string& what) {
  bool add = what.starts_with("add");
  cluster::SlotRanges ranges = slots_of(command, what.ends_with("range"));
  return ok_or(add ? server.bus->add_slots(ranges) : server.bus->delete_slots(ranges));
}

Reply cluster_command(Server& server, const Command& command) {
  if (server.bus == nullptr) return error("ERR This instance has cluster support disabled");
  Bus& bus = *server.bus;
  std::string what = lower(command, 1);
  int id = command.size() > 2 ? server.world.find_id(command[2]) : kNobody;
  if (what == "myid") return text(server.world.id_text(bus.my_id()));
  if (what == "nodes") return text(cluster_nodes_text(server));
  if (what == "info") return text(cluster_info_text(server));
  if (what == "shards") return shards(server);
  if (what == "meet") {
    Address address{command[2], static_cast<uint16_t>(parse_int(command[3]).value_or(0))};
    int place = server.world.place_at(address);
    if (place < 0) return error("ERR Invalid node address specified: " + to_string(address));
    bus.meet(place);
    return ok();
  }
  if (what == "replicate") return ok_or(bus.replicate(id));
  if (what == "forget") return ok_or(bus.forget(id));
  if (what == "failover") return failover_in_cluster(server, command);
  if (what == "addslots" || what == "addslotsrange" || what == "delslots" || what == "delslotsrange") {
    return change_slots(server, command, what);
  }
  if (what == "setslot") return set_slot(server, command);
  if (what == "countkeysinslot") return integer(server.count_keys(slot_at(command, 2)));
  if (what == "getkeysinslot") return keys_in_slot(server, command);
  if (what == "set-config-epoch") {
    return ok_or(bus.set_config_epoch(static_cast<uint64_t>(parse_int(command[2]).value_or(0))));
  }
  if (what == "bumpepoch") {
    bool bumped = bus.bump_epoch();
    return status(fmt::format("{} {}", bumped ? "BUMPED" : "STILL", bus.me().config_epoch));
  }
  if (what == "reset") {
    server.world.ledger.violation("CLUSTER RESET was sent to " + server.name());
    return ok();
  }
  return unknown_command(server, command);
}

// MIGRATE host port "" 0 timeout [COPY] [REPLACE] [AUTH2 user password] KEYS key…: one blocking exchange with
// the target, which either has all keys in the end or answers why not.
Reply migrate(Server& server, const Command& command) {
  World& world = server.world;
  Address address{command[1], static_cast<uint16_t>(parse_int(command[2]).value_or(0))};
  int place = world.place_at(address);
  bool replace = false;
  std::vector<int> keys;
  for (size_t i = 6; i < command.size(); ++i) {
    std::string word = to_lower(command[i]);
    if (word == "replace") replace = true;
    if (word == "auth2") i += 2;
    if (word == "auth") i += 1;
    if (word != "keys") continue;
    for (size_t j = i + 1; j < command.size(); ++j) {
      int key = world.key_of(command[j]);
      if (key >= 0 && server.values[static_cast<size_t>(key)] != 0) keys.push_back(key);
    }
    break;
  }
  if (keys.empty()) return status("NOKEY");
  Server* target = place < 0 ? nullptr : world.server(place);
  if (target == nullptr || !target->listens() || world.network.cut_any(server.place, place) ||
      target->paused || target->writes_paused()) {
    return error("IOERR error or timeout connecting to the client");
  }
  if (!target->serving()) {
    return error("ERR Target instance replied with error: LOADING Redis is loading the dataset in memory");
  }
  if (target->replication.is_replica) {
    return error(
        "ERR Target instance replied with error: READONLY You can't write against a read only replica.");
  }
  for (int key : keys) {
    size_t at = static_cast<size_t>(key);
    if (target->bus != nullptr) {
      int slot = world.key_slots[at];
      bool takes =
          target->bus->owner(slot) == target->bus->my_id() || target->bus->table().importing.contains(slot);
      if (!takes || !target->bus->ok()) return error("ERR Target instance replied with error: MOVED");
    }
    if (target->values[at] != 0 && !replace) {
      return error("ERR Target instance replied with error: BUSYKEY Target key name already exists.");
    }
    target->replication.apply_write(key, server.values[at], false);
    server.replication.apply_write(key, 0, true);
    world.ledger.moved(key, *target);
    world.ledger.copy_gone(Cause::kKeyway, server.place, "MIGRATE replaced a newer value");
  }
  return ok();
}

// A key's size matters to nobody here, and a MIGRATE that fails leaves nothing on its way.
Reply memory_usage(const Server& server, const Command& command) {
  int key = command.size() > 2 ? server.world.key_of(command[2]) : -1;
  if (key < 0 || server.values[static_cast<size_t>(key)] == 0) return Reply{};
  return integer(64);
}

Reply config_command(Server& server, const Command& command) {
  std::string what = lower(command, 1);
  if (what == "rewrite" || what == "resetstat") return ok();
  if (what == "get") {
    Reply reply;
    reply.type = ReplyType::kArray;
    for (size_t i = 2; i < command.size(); ++i) {
      auto set = server.config.find(to_lower(command[i]));
      if (set == server.config.end()) continue;
      reply.elements.push_back(text(set->first));
      reply.elements.push_back(text(set->second));
    }
    return reply;
  }
  for (size_t i = 2; i + 1 < command.size(); i += 2) {
    std::string name = to_lower(command[i]);
    if (cluster::needs_restart(name)) {
      return error("ERR CONFIG SET failed (possibly related to argument '" + name +
                   "') - can't set immutable config");
    }
  }
  for (size_t i = 2; i + 1 < command.size(); i += 2) server.config[to_lower(command[i])] = command[i + 1];
  return ok();
}

Reply replica_of(Server& server, const Command& command) {
  if (server.bus != nullptr) return error("ERR REPLICAOF not allowed in cluster mode.");
  if (server.replication.handing_over()) return error("ERR REPLICAOF not allowed while failing over.");
  if (lower(command, 1) == "no") {
    bool was_replica = server.replication.is_replica;
    server.replication.become_primary();
    if (was_replica) server.world.ledger.takes_over(server, Claim::kOrdered);
    return ok();
  }
  Address address{command[1], static_cast<uint16_t>(parse_int(command[2]).value_or(0))};
  server.replication.follow(server.world.place_at(address));
  return ok();
}

// ROLE, of which Keyway reads the first word only.
Reply role_of(const Server& server) {
  return Reply{ReplyType::kArray, 0, 0, "", {text(server.replication.is_replica ? "slave" : "master")}};
}

// FAILOVER [TO host port [FORCE]] [TIMEOUT milliseconds] | ABORT.
Reply failover(Server& server, const Command& command) {
  if (server.bus != nullptr) {
    return error("ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.");
  }
  int to = -1;
  int64_t timeout_us = 0;
  bool force = false;
  for (size_t i = 1; i < command.size(); ++i) {
    std::string word = to_lower(command[i]);
    if (word == "abort") return server.replication.abort_handover();
    if (word == "force") force = true;
    if (word == "timeout" && i + 1 < command.size())
      timeout_us = parse_int(command[i + 1]).value_or(0) * 1000;
    if (word == "to" && i + 2 < command.size()) {
      to = server.world.place_at(
          Address{command[i + 1], static_cast<uint16_t>(parse_int(command[i + 2]).value_or(0))});
    }
  }
  return server.replication.start_handover(to, timeout_us, force);
}

}  // namespace

bool Server::postpones(const Command& command) const {
  return serving() && !closing && lower(command, 0) == "migrate" && writes_paused();
}

std::optional<Reply> Server::execute(const Command& command) {
  std::string name = lower(command, 0);
  if (name == "info") return text(info_text(*this));
  if (name == "shutdown") {
    close(lower(command, 1) != "nosave");
    return std::nullopt;
  }
  if (!serving()) return error("LOADING Redis is loading the dataset in memory");
  if (name == "ping") return status("PONG");
  if (name == "cluster") return cluster_command(*this, command);
  if (name == "dbsize") return integer(total_keys());
  if (name == "migrate") return migrate(*this, command);
  if (name == "memory" && lower(command, 1) == "usage") return memory_usage(*this, command);
  if (name == "client" && lower(command, 1) == "list") return text("");
  if (name == "client" && lower(command, 1) == "pause" && command.size() > 2) {
    writes_paused_until_us = world.now_us() + parse_int(command[2]).value_or(0) * 1000;
    return ok();
  }
  if (name == "config") return config_command(*this, command);
  if (name == "replicaof") return replica_of(*this, command);
  if (name == "failover") return failover(*this, command);
  if (name == "role") return role_of(*this);
  if (name == "replconf")
    return ok();  // a real one is silent; the model's replicas tell how far they are at once
  if (name == "acl") return ok();
  if (name == "flushall" || name == "flushdb") {
    world.ledger.violation(name + " was sent to " + this->name());
    return ok();
  }
  return unknown_command(*this, command);
}

}  // namespace keyway::simulation
