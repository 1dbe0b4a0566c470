// For tests: servers in cluster mode as far as the commands that make and change a cluster see them. What one
// server says reaches the others at once (`gossip`), or only by CLUSTER MEET.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "admin/session.h"
#include "base/format.h"
#include "base/strings.h"

namespace keyway::admin {

inline resp::Reply reply_of(resp::ReplyType type, std::string_view text) {
  resp::Reply reply;
  reply.type = type;
  reply.text = text;
  return reply;
}
inline resp::Reply ok_reply() { return reply_of(resp::ReplyType::kStatus, "OK"); }
inline resp::Reply error_reply(std::string_view text) { return reply_of(resp::ReplyType::kError, text); }
inline resp::Reply text_reply(std::string_view text) { return reply_of(resp::ReplyType::kString, text); }

class FakeNodes : public engine::Servers {
 public:
  // What a server is.
  struct Picture {
    Address address;
    std::string primary_id;  // empty: it is a primary
    cluster::SlotRanges slots;
    uint64_t epoch = 0;
    auto operator<=>(const Picture&) const = default;
  };
  struct Node {
    std::string id;
    Picture self;
    std::map<std::string, Picture> known;  // others, as it sees them
    std::set<std::string> banned;          // ids that it was told to forget
    int64_t keys = 0;
    bool link_up = true;
    std::string zone;
    std::string version = "7.0.15";
    bool up = true;
    bool cluster_mode = true;
    bool has_config_file = true;
    std::string functions;
    std::string sync_delay = "0";  // repl-diskless-sync-delay
  };

  bool gossip = true;
  std::vector<std::string> log;  // "1 CLUSTER MEET 127.0.0.1 2 10002"
  std::function<std::optional<resp::Reply>(uint16_t port, const resp::Command&)> instead;
  std::function<void()> before_exchange;

  // Servers at 127.0.0.1, ports 1 to `count`.
  explicit FakeNodes(int count) {
    for (int i = 1; i <= count; ++i) add(static_cast<uint16_t>(i));
  }

  Node& add(uint16_t port) {
    Node& node = nodes_[port];
    node.id = id_of(port);
    node.self.address = {"127.0.0.1", port};
    return node;
  }
  Node& operator[](uint16_t port) { return nodes_.at(port); }
  static std::string id_of(uint16_t port) { return fmt::format("{:04}{}", port, std::string(36, 'a')); }
  static Address at(uint16_t port) { return {"127.0.0.1", port}; }

  // All know each other.
  void join_all() {
    for (auto& [port, node] : nodes_) {
      for (auto& [other_port, other] : nodes_) {
        if (port != other_port) node.known[other.id] = other.self;
      }
    }
  }

  void all_up(bool up) {
    for (auto& [port, node] : nodes_) node.up = up;
  }

  // The sent commands that begin so.
  std::vector<std::string> sent(std::string_view beginning, uint16_t port) const {
    std::vector<std::string> found;
    std::string prefix = fmt::format("{} {}", port, beginning);
    for (const std::string& line : log) {
      if (line.starts_with(prefix)) found.push_back(line);
    }
    return found;
  }

  std::vector<engine::Response> exchange(const std::vector<engine::Request>& requests, int64_t) override {
    if (before_exchange) before_exchange();
    std::vector<engine::Response> responses;
    for (const engine::Request& request : requests) {
      engine::Response& response = responses.emplace_back();
      auto node = nodes_.find(request.address.port);
      if (node == nodes_.end() || !node->second.up) {
        response.error = Error{ErrorCode::kUnavailable,
                               fmt::format("cannot connect to {}: refused", to_string(request.address))};
        continue;
      }
      for (const resp::Command& command : request.commands) {
        log.push_back(fmt::format("{} {}", request.address.port, join(command, " ")));
        std::optional<resp::Reply> other = instead ? instead(request.address.port, command) : std::nullopt;
        response.replies.push_back(other ? *other : answer(node->second, command));
      }
    }
    if (gossip) spread();
    return responses;
  }

 private:
  resp::Reply answer(Node& node, const resp::Command& command) {
    if (command[0] == "INFO") return text_reply(info(node));
    if (command[0] == "CLUSTER") {
      if (!node.cluster_mode) return error_reply("ERR This instance has cluster support disabled");
      return cluster(node, command);
    }
    if (command[0] == "CONFIG") return config(node, command);
    if (command[0] == "FUNCTION" && command[1] == "DUMP") return text_reply(node.functions);
    if (command[0] == "FUNCTION" && command[1] == "RESTORE") node.functions = command[2];
    if (command[0] == "SET" && !is_covered(node)) return error_reply("CLUSTERDOWN The cluster is down");
    return ok_reply();
  }

  static resp::Reply config(Node& node, const resp::Command& command) {
    if (command[1] == "REWRITE" && !node.has_config_file)
      return error_reply("ERR The server is running without a config file");
    if (command[1] == "GET") {
      resp::Reply reply = reply_of(resp::ReplyType::kArray, "");
      reply.elements = {text_reply(command[2]), text_reply(node.sync_delay)};
      return reply;
    }
    if (command[1] == "SET" && command[2] == "repl-diskless-sync-delay") node.sync_delay = command[3];
    return ok_reply();
  }

  resp::Reply cluster(Node& node, const resp::Command& command) {
    const std::string& what = command[1];
    if (what == "MYID") return text_reply(node.id);
    if (what == "INFO") {
      return text_reply(fmt::format("cluster_state:{}\r\ncluster_current_epoch:{}\r\n",
                                    is_covered(node) ? "ok" : "fail", node.self.epoch));
    }
    if (what == "NODES") return text_reply(table(node));
    if (what == "MEET") return meet(node, command);
    if (what == "SET-CONFIG-EPOCH") node.self.epoch = *parse_uint(command[2]);
    if (what == "ADDSLOTSRANGE") {
      node.self.slots = *cluster::parse_slots(fmt::format("{}-{}", command[2], command[3]));
    }
    if (what == "REPLICATE") return replicate(node, command[2]);
    if (what == "FORGET") return forget(node, command[2]);
    if (what == "RESET") return reset(node);
    return ok_reply();
  }

  resp::Reply meet(Node& node, const resp::Command& command) {
    auto found = nodes_.find(static_cast<uint16_t>(*parse_int(command[3])));
    if (found == nodes_.end() || !found->second.up) return ok_reply();  // in vain
    Node& other = found->second;
    if (!node.known.contains(other.id)) node.known[other.id] = other.self;
    other.known[node.id] = node.self;
    return ok_reply();
  }

  resp::Reply replicate(Node& node, const std::string& primary_id) {
    auto primary = node.known.find(primary_id);
    if (primary == node.known.end()) return error_reply("ERR Unknown node " + primary_id);
    if (!primary->second.primary_id.empty()) return error_reply("ERR I can only replicate a master");
    if (!node.self.slots.empty()) return error_reply("ERR To set a master the node must be empty");
    node.self.primary_id = primary_id;
    return ok_reply();
  }

  static resp::Reply forget(Node& node, const std::string& id) {
    if (node.self.primary_id == id) return error_reply("ERR Can't forget my master!");
    if (node.known.erase(id) == 0) return error_reply("ERR Unknown node " + id);
    node.banned.insert(id);
    return ok_reply();
  }

  static resp::Reply reset(Node& node) {
    if (node.self.primary_id.empty() && node.keys > 0)
      return error_reply("ERR CLUSTER RESET can't be called with master nodes containing keys");
    node.known.clear();
    node.keys = 0;
    node.self.primary_id.clear();
    node.self.slots.clear();
    return ok_reply();
  }

  // Everybody hears of everybody whom he knows.
  void spread() {
    for (auto& [port, node] : nodes_) {
      for (auto& [id, picture] : node.known) {
        for (auto& [other_port, other] : nodes_) {
          if (other.id == id && other.up) picture = other.self;
        }
      }
    }
  }

  static bool is_covered(const Node& node) {
    cluster::SlotRanges all = node.self.slots;
    for (const auto& [id, other] : node.known) all.insert(all.end(), other.slots.begin(), other.slots.end());
    return cluster::count(cluster::normalize(all)) == cluster::kSlotCount;
  }

  static std::string info(const Node& node) {
    std::string text = fmt::format(
        "redis_version:{}\r\nprocess_id:1\r\nused_memory:1000\r\ncluster_enabled:{}\r\nloading:0\r\n",
        node.version, node.cluster_mode ? 1 : 0);
    if (!node.zone.empty()) text += fmt::format("availability_zone:{}\r\n", node.zone);
    if (node.self.primary_id.empty()) {
      text += "role:master\r\n";
    } else {
      text += fmt::format("role:slave\r\nmaster_link_status:{}\r\n", node.link_up ? "up" : "down");
    }
    if (node.keys > 0) text += fmt::format("db0:keys={},expires=0,avg_ttl=0\r\n", node.keys);
    return text;
  }

  std::string table(const Node& node) const {
    std::string text = line(node.id, node.self, "myself,", true);
    for (const auto& [id, picture] : node.known) {
      auto other = nodes_.find(picture.address.port);
      bool up = other != nodes_.end() && other->second.up;
      text += line(id, picture, up ? "" : "fail,", up);
    }
    return text;
  }

  static std::string line(const std::string& id, const Picture& picture, std::string_view flags,
                          bool linked) {
    const std::string& primary = picture.primary_id;
    return fmt::format("{} {}:{}@{} {}{} {} 0 0 {} {} {}\n", id, picture.address.host, picture.address.port,
                       picture.address.port + 10000, flags, primary.empty() ? "master" : "slave",
                       primary.empty() ? "-" : primary, picture.epoch, linked ? "connected" : "disconnected",
                       cluster::to_string(picture.slots));
  }

  std::map<uint16_t, Node> nodes_;
};

// Remembers what it was told.
class FakeReporter : public Reporter {
 public:
  void note(std::string_view line) override { notes.emplace_back(line); }
  void warn(std::string_view line) override { warnings.emplace_back(line); }
  void progress(const Progress&) override {}
  Result<bool> confirm(std::string_view question) override {
    questions.emplace_back(question);
    return answer;
  }

  std::vector<std::string> notes;
  std::vector<std::string> warnings;
  std::vector<std::string> questions;
  bool answer = true;
};

// A session with fake servers.
struct FakeSession {
  explicit FakeSession(int count) : nodes(count) {}

  FakeNodes nodes;
  FakeReporter reporter;
  bool stop = false;
  Session session{.servers = nodes,
                  .connect = [] { return nullptr; },
                  .reporter = reporter,
                  .interrupted = [this] { return stop; },
                  .user = "",
                  .password = "",
                  .reach = {},
                  .timeout_ms = 1000};
};

}  // namespace keyway::admin
