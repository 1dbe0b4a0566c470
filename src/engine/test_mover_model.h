// For tests: two primaries between which slots move, and a third one, as far as the mover sees them.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/format.h"
#include "base/strings.h"
#include "engine/mover.h"

namespace keyway::engine {

inline resp::Reply status_reply(std::string_view text) {
  resp::Reply reply;
  reply.type = resp::ReplyType::kStatus;
  reply.text = text;
  return reply;
}

inline resp::Reply error_reply(std::string_view text) {
  resp::Reply reply = status_reply(text);
  reply.type = resp::ReplyType::kError;
  return reply;
}

inline resp::Reply integer_reply(int64_t number) {
  resp::Reply reply;
  reply.type = resp::ReplyType::kInteger;
  reply.integer = number;
  return reply;
}

// Three primaries a (port 1), b (2) and c (3) as far as a move sees them, on a clock of their own: each
// exchange takes 1 ms, each key of a MIGRATE `key_ms` more. a owns all slots at first.
class MoverModel : public Servers {
 public:
  struct Node {
    std::set<int> owned;
    std::map<int, std::string> migrating;  // slot to the id of the other node
    std::map<int, std::string> importing;
    std::map<int, std::set<std::string>> keys;  // by slot
    uint64_t epoch = 1;
    uint64_t heard_epoch = 3;  // of every other node
    std::set<int> unheard;     // slots of which it does not know the owner
  };

  std::map<uint16_t, Node> nodes;
  int64_t now_ms = 0;
  int64_t key_ms = 0;
  std::vector<std::string> log;      // "2 SETSLOT 5 IMPORTING a", …
  std::vector<size_t> calls;         // keys of each MIGRATE
  std::vector<int64_t> timeouts_ms;  // of each MIGRATE
  resp::Command last_migrate;
  std::vector<int64_t> pipeline_bytes;                // that were moved by each exchange which moved any
  std::map<std::string, int64_t> sizes;               // of keys, if not 60
  std::string client_list;                            // of the target
  std::vector<std::string> killed;                    // clients' ids
  std::vector<std::string> shards = {"a", "b", "c"};  // ids of the nodes of each
  std::function<std::optional<resp::Reply>(uint16_t, const resp::Command&)> refuse;  // instead of the command
  std::function<std::optional<Error>(uint16_t)> cut;                                 // instead of an exchange

  explicit MoverModel(int slots) {
    for (uint16_t port = 1; port <= 3; ++port) nodes[port].epoch = port;
    for (int slot = 0; slot < slots; ++slot) nodes[1].owned.insert(slot);
  }

  std::vector<Response> exchange(const std::vector<Request>& requests, int64_t) override {
    std::vector<Response> responses;
    EXPECT_FALSE(requests.empty());
    now_ms += 1;
    bytes_ = 0;
    for (const Request& request : requests) {
      Response& response = responses.emplace_back();
      uint16_t port = request.address.port;
      if (cut) response.error = cut(port);
      if (response.error) continue;
      for (const resp::Command& command : request.commands) {
        std::optional<resp::Reply> refused = refuse ? refuse(port, command) : std::nullopt;
        response.replies.push_back(refused ? *refused : answer(port, command));
      }
    }
    if (bytes_ > 0) pipeline_bytes.push_back(bytes_);
    return responses;
  }

 private:
  resp::Reply answer(uint16_t port, const resp::Command& command) {
    Node& node = nodes[port];
    if (command[0] == "MIGRATE") return migrate(node, command);
    if (command[0] == "CLIENT") return clients(command);
    if (command[0] == "MEMORY") return integer_reply(size_of(command[2]));
    if (command[1] == "NODES") return table(port);
    if (command[1] == "MYID") return status_reply(id_of(port));
    if (command[1] == "SHARDS") return shard_list();
    if (command[1] == "BUMPEPOCH") return raise_epoch(port);
    int slot = static_cast<int>(*parse_int(command[2]));
    if (command[1] == "SETSLOT") return set_slot(port, slot, command);
    if (command[1] == "COUNTKEYSINSLOT") return integer_reply(static_cast<int64_t>(node.keys[slot].size()));
    EXPECT_EQ(command[1], "GETKEYSINSLOT");
    resp::Reply list;
    list.type = resp::ReplyType::kArray;
    for (const std::string& key : node.keys[slot]) {
      if (std::to_string(list.elements.size()) == command[3]) break;
      list.elements.push_back(status_reply(key));
    }
    return list;
  }

  resp::Reply table(uint16_t port) {
    std::string text = fmt::format("{} 127.0.0.1:{}@{} myself,master - 0 0 {} connected", id_of(port), port,
                                   port + 10000, nodes[port].epoch);
    for (int slot : nodes[port].owned) text += fmt::format(" {}", slot);
    for (const auto& [slot, peer] : nodes[port].migrating) text += fmt::format(" [{}->-{}]", slot, peer);
    for (const auto& [slot, peer] : nodes[port].importing) text += fmt::format(" [{}-<-{}]", slot, peer);
    for (const auto& [other, node] : nodes) {
      if (other == port) continue;
      text += fmt::format("\n{} 127.0.0.1:{}@{} master - 0 0 {} connected", id_of(other), other,
                          other + 10000, nodes[port].heard_epoch);
      for (int slot : node.owned) {
        if (!nodes[port].unheard.contains(slot)) text += fmt::format(" {}", slot);
      }
    }
    return status_reply(text);
  }

  // It tells the others at once.
  resp::Reply raise_epoch(uint16_t port) {
    uint64_t latest = 0;
    for (const auto& [other, node] : nodes) latest = std::max(latest, node.epoch);
    nodes[port].epoch = latest + 1;
    for (auto& [other, node] : nodes) node.heard_epoch = std::max(node.heard_epoch, latest + 1);
    return status_reply(fmt::format("BUMPED {}", latest + 1));
  }

  static resp::Reply array_reply(std::vector<resp::Reply> elements) {
    resp::Reply reply;
    reply.type = resp::ReplyType::kArray;
    reply.elements = std::move(elements);
    return reply;
  }

  resp::Reply shard_list() const {
    resp::Reply list = array_reply({});
    for (const std::string& ids : shards) {
      resp::Reply members = array_reply({});
      for (char id : ids)
        members.elements.push_back(array_reply({status_reply("id"), status_reply(std::string(1, id)),
                                                status_reply("health"), status_reply("online")}));
      list.elements.push_back(
          array_reply({status_reply("slots"), array_reply({}), status_reply("nodes"), members}));
    }
    return list;
  }

  resp::Reply set_slot(uint16_t port, int slot, const resp::Command& command) {
    std::string peer = command.size() > 4 ? command[4] : "";
    log.push_back(fmt::format("{} {} {} {}", port, slot, command[3], peer));
    Node& node = nodes[port];
    if (command[3] == "STABLE") {
      node.migrating.erase(slot);
      node.importing.erase(slot);
    }
    if (command[3] == "MIGRATING") node.migrating[slot] = command[4];
    if (command[3] == "IMPORTING") node.importing[slot] = command[4];
    if (command[3] != "NODE") return status_reply("OK");
    node.unheard.erase(slot);
    if (command[4] == id_of(port)) {
      node.owned.insert(slot);
      node.importing.erase(slot);
    } else {
      EXPECT_TRUE(node.keys[slot].empty()) << "keys would be lost";
      node.owned.erase(slot);
      node.migrating.erase(slot);
    }
    return status_reply("OK");
  }

  resp::Reply clients(const resp::Command& command) {
    if (command[1] == "LIST") return status_reply(client_list);
    killed.push_back(command.back());
    client_list.clear();
    return integer_reply(1);
  }

  resp::Reply migrate(Node& from, const resp::Command& command) {
    last_migrate = command;
    timeouts_ms.push_back(*parse_int(command[5]));
    Node& to = nodes[static_cast<uint16_t>(*parse_int(command[2]))];
    auto first = std::find(command.begin(), command.end(), "KEYS") + 1;
    calls.push_back(static_cast<size_t>(command.end() - first));
    now_ms += key_ms * static_cast<int64_t>(calls.back());
    for (auto key = first; key != command.end(); ++key) {
      int slot = static_cast<int>(
          *parse_int(key->substr(0, key->find(':'))));  // a key of the model begins with its slot
      EXPECT_EQ(from.migrating[slot], "b");
      EXPECT_EQ(to.importing[slot], "a");
      bytes_ += size_of(*key);
      from.keys[slot].erase(*key);
      to.keys[slot].insert(*key);
    }
    return status_reply("OK");
  }

  int64_t size_of(const std::string& key) const {
    auto size = sizes.find(key);
    return size == sizes.end() ? 60 : size->second;
  }

  static std::string id_of(uint16_t port) { return std::string(1, static_cast<char>('a' + port - 1)); }

  int64_t bytes_ = 0;  // moved by the exchange that is under way
};

class MoverTest : public testing::Test {
 protected:
  MoverTest() {
    task.from_id = "a";
    task.from = {"127.0.0.1", 1};
    task.to_id = "b";
    task.to = {"127.0.0.1", 2};
    task.primaries = {{"127.0.0.1", 3}};
    task.user = "admin";
    task.password = "secret";
    limits.clock_ms = [this] { return model.now_ms; };
  }

  void fill(int slot, int count) {
    for (int i = 0; i < count; ++i) model.nodes[1].keys[slot].insert(fmt::format("{}:{}", slot, i));
  }

  Result<MoveProgress> move() { return move_slots(model, task, limits, memory, hooks); }

  MoverModel model{100};
  MoveTask task;
  MoveLimits limits;
  MoveMemory memory;
  MoveHooks hooks;
};

}  // namespace keyway::engine
