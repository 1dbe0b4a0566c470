// For tests: a real cluster that is damaged on purpose, with data whose every key is looked for afterwards.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "admin/test_session.h"
#include "base/format.h"
#include "base/strings.h"
#include "cluster/diagnosis.h"
#include "cluster/ownership.h"
#include "engine/node_table.h"
#include "resp/slot.h"

namespace keyway::admin {

inline std::vector<cluster::Trouble> troubles(const std::vector<cluster::Finding>& findings) {
  std::vector<cluster::Trouble> all;
  for (const cluster::Finding& finding : findings) all.push_back(finding.trouble);
  return all;
}

inline std::string texts(const std::vector<cluster::Finding>& findings) {
  std::string all;
  for (const cluster::Finding& finding : findings)
    all += fmt::format("{}: {}\n", to_string(finding.trouble), finding.text);
  return all;
}

// `primaries` with even shares of the slots, then their replicas in turn. Nodes 0, 1, … have ids in this
// order.
class DamagedCluster {
 public:
  using Table = std::vector<cluster::PeerView>;
  // Changes the table that a node wakes up with.
  using Edit = std::function<void(size_t node, Table& table)>;

  DamagedCluster(const engine::TestEngine& engine, int primaries, int replicas, const Edit& edit = {},
                 const std::string& config = "")
      : engine_(engine), primaries_(primaries), config_(config) {
    for (int i = 0; i < primaries + replicas; ++i) {
      cluster::PeerView& peer = table_.emplace_back();
      int shard = i % primaries;
      peer.id = engine::test_id('a', i);
      peer.shard_id = engine::test_id('b', shard);
      peer.address = servers_.emplace_back(engine).address();
      peer.bus_port = static_cast<uint16_t>(peer.address.port + 10000);
      peer.primary = i < primaries;
      peer.config_epoch = static_cast<uint64_t>(shard) + 1;
      if (peer.primary) {
        peer.slots = {cluster::even_range(shard, primaries)};
      } else {
        peer.primary_id = engine::test_id('a', shard);
      }
    }
    for (size_t i = 0; i < servers_.size(); ++i) {
      Table mine = table_;
      mine[i].myself = true;
      if (edit) edit(i, mine);
      servers_[i].write_file("nodes.conf", engine::render_node_table(mine, 100, engine_.has_shard_ids()));
      start(i);
    }
  }

  // With the node table and the configuration that it has; its data is gone.
  void start(size_t node) {
    servers_[node].start(
        "cluster-enabled yes\ncluster-config-file nodes.conf\ncluster-node-timeout 3000\n"
        "cluster-allow-replica-migration no\nrepl-diskless-sync-delay 0\n" +
        engine::test_users_config() + config_);
  }

  size_t size() const { return servers_.size(); }
  engine::TestServer& server(size_t node) { return servers_[node]; }
  const Address& address(size_t node) const { return table_[node].address; }
  const std::string& id(size_t node) const { return table_[node].id; }
  const Table& table() const { return table_; }
  const engine::TestEngine& engine() const { return engine_; }
  cluster::Slot first_slot(size_t primary) const {
    return cluster::even_range(static_cast<int>(primary), primaries_).first;
  }

 private:
  engine::TestEngine engine_;
  int primaries_;
  std::string config_;
  std::deque<engine::TestServer> servers_;
  Table table_;
};

// Talks to a damaged cluster: asks nodes, writes keys where they shall be, finds them as a client does.
class Surgeon : public TestSession {
 public:
  explicit Surgeon(DamagedCluster& cluster) : cluster_(cluster) { session.timeout_ms = 2000; }

  resp::Reply ask(size_t node, const resp::Command& command) {
    Result<resp::Reply> reply = fleet.call(cluster_.address(node), command, 3000);
    if (reply) return *reply;
    ADD_FAILURE() << reply.error().message;
    return {};
  }
  void must(size_t node, const resp::Command& command) {
    resp::Reply reply = ask(node, command);
    EXPECT_FALSE(reply.is_error()) << resp::describe(command) << ": " << reply.text;
  }
  void must_set_slot(size_t node, cluster::Slot slot, const std::string& how, const std::string& id = "") {
    resp::Command command = {"CLUSTER", "SETSLOT", std::to_string(slot), how};
    if (!id.empty()) command.push_back(id);
    must(node, command);
  }

  // A name for the slot, the same for the same number.
  std::string key_of(cluster::Slot slot, int number) {
    std::string& tag = tags_[slot];
    for (int i = 0; tag.empty(); ++i) {
      if (resp::key_slot(std::to_string(i)) == slot) tag = std::to_string(i);
    }
    return fmt::format("{{{}}}:{}", tag, number);
  }
  // Writes key `number` of the slot on the node, whoever owns it, and expects to find it in the end.
  void put(size_t node, cluster::Slot slot, int number, const std::string& value) {
    std::string key = key_of(slot, number);
    engine::Response response =
        fleet.exchange({{cluster_.address(node), {{"ASKING"}, {"SET", key, value}}}}, 3000).front();
    ASSERT_TRUE(response.ok()) << response.error->message;
    ASSERT_TRUE(response.replies.back().ok()) << response.replies.back().text;
    expected[key] = value;
  }
  // On a node that does not own the slot, which is left closed.
  void put_stray(size_t node, size_t owner, cluster::Slot slot, int number, const std::string& value) {
    must_set_slot(node, slot, "IMPORTING", cluster_.id(owner));
    put(node, slot, number, value);
    must_set_slot(node, slot, "STABLE");
  }

  // What a client gets that begins at `node`.
  std::string get(size_t node, const std::string& key) {
    Address at = cluster_.address(node);
    std::vector<resp::Command> commands = {{"GET", key}};
    for (int redirects = 0; redirects < 8; ++redirects) {
      engine::Response response = fleet.exchange({{at, commands}}, 3000).front();
      if (!response.ok()) return response.error->message;
      resp::Reply& reply = response.replies.back();
      bool ask = reply.error_code() == "ASK";
      if (!ask && reply.error_code() != "MOVED") return reply.text;
      at = *parse_address(split_blanks(reply.text).at(2));
      commands = {{"GET", key}};
      if (ask) commands.insert(commands.begin(), {"ASKING"});
    }
    return "redirected for ever";
  }
  // Every key has its value, asked of every node that runs.
  void expect_all_keys(const std::vector<size_t>& nodes) {
    for (const auto& [key, value] : expected) {
      for (size_t node : nodes) EXPECT_EQ(get(node, key), value) << key << " from node " << node;
    }
  }

  bool whole(const std::vector<size_t>& nodes) {
    return engine::wait_until([&] {
      for (size_t node : nodes) {
        std::string info = text(cluster_.address(node), {"CLUSTER", "INFO"});
        std::string replication = text(cluster_.address(node), {"INFO", "replication"});
        bool link_down = replication.find("role:slave") != std::string::npos &&
                         replication.find("master_link_status:up") == std::string::npos;
        if (info.find("cluster_state:ok") == std::string::npos || link_down) return false;
      }
      return true;
    });
  }

  std::map<std::string, std::string> expected;

 private:
  DamagedCluster& cluster_;
  std::map<cluster::Slot, std::string> tags_;
};

// Runs the same on every engine at hand, all at once: such tests mostly wait. `Case` is made of an engine and
// lives in its thread, as servers end with the thread that started them.
template <typename Case>
void on_every_engine(const std::function<void(Case&)>& run) {
  std::vector<std::thread> threads;
  for (const engine::TestEngine& engine : engine::test_engines()) {
    threads.emplace_back([&run, engine] {
      SCOPED_TRACE(engine.name);
      Case scene(engine);
      run(scene);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace keyway::admin
