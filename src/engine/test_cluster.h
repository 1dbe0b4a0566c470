// For tests: a real sharded cluster whose node tables were written before its first start. The first
// `primaries` nodes share the slots evenly; the rest are their replicas, in turn.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <string>
#include <vector>

#include "base/format.h"
#include "cluster/observed.h"
#include "engine/fleet.h"
#include "engine/node_table.h"
#include "engine/observe.h"
#include "engine/test_server.h"

namespace keyway::engine {

inline constexpr const char* kTestUser = "admin";
inline constexpr const char* kTestPassword = "a-Password_of-tests";

inline std::string test_users_config() {
  return fmt::format(
      "user default on >{0} ~* &* +@all\nuser {1} on >{0} ~* &* +@all\nmasteruser {1}\nmasterauth {0}\n",
      kTestPassword, kTestUser);
}

// Forty hexadecimal digits that differ by `kind` and `number`.
inline std::string test_id(char kind, int number) { return fmt::format("{}{:039x}", kind, number + 1); }

class TestCluster {
 public:
  // `config` is lines of redis.conf, for all of them.
  TestCluster(const TestEngine& engine, int primaries, int replicas, std::string config = "")
      : engine_(engine), config_(std::move(config)) {
    for (int i = 0; i < primaries + replicas; ++i) {
      TestServer& server = servers_.emplace_back(engine);
      cluster::PeerView& peer = table_.emplace_back();
      int shard = i % primaries;
      peer.id = test_id('a', i);
      peer.shard_id = test_id('b', shard);
      peer.address = server.address();
      peer.bus_port = static_cast<uint16_t>(peer.address.port + 10000);
      peer.primary = i < primaries;
      peer.config_epoch = static_cast<uint64_t>(shard) + 1;
      if (peer.primary) {
        peer.slots = {cluster::even_range(shard, primaries)};
      } else {
        peer.primary_id = test_id('a', shard);
      }
    }
    for (size_t i = 0; i < servers_.size(); ++i) start(i);
  }

  const TestEngine& engine() const { return engine_; }
  TestServer& server(size_t index) { return servers_[index]; }
  const std::vector<cluster::PeerView>& table() const { return table_; }
  const Address& address(size_t index) const { return table_[index].address; }
  const std::string& id(size_t index) const { return table_[index].id; }

  // What its servers say now; nodes in the order of the table.
  cluster::Observed look(Servers& servers) const {
    cluster::Observed observed;
    for (const cluster::PeerView& peer : table_) {
      cluster::NodeFacts& node = observed.nodes.emplace_back();
      node.address = peer.address;
      node.process = cluster::Process::kRunning;
    }
    observe(servers, cluster::Mode::kSharded, observed, 1000);
    return observed;
  }

  bool is_whole(Servers& servers) const {
    cluster::Observed observed = look(servers);
    for (const cluster::NodeFacts& node : observed.nodes) {
      if (node.reach != cluster::Reach::kAnswering || !node.server.cluster_ok) return false;
      if (node.server.role == cluster::Role::kReplica && !node.server.link_up) return false;
    }
    return true;
  }

 private:
  void start(size_t index) {
    std::vector<cluster::PeerView> mine = table_;
    mine[index].myself = true;
    servers_[index].write_file("nodes.conf", render_node_table(mine, table_.size(), engine_.has_shard_ids()));
    servers_[index].start(
        "cluster-enabled yes\ncluster-config-file nodes.conf\ncluster-node-timeout 15000\n"
        "cluster-allow-replica-migration no\nrepl-diskless-sync-delay 0\n" +
        test_users_config() + config_);
  }

  TestEngine engine_;
  std::string config_;
  std::deque<TestServer> servers_;
  std::vector<cluster::PeerView> table_;
};

// A cluster of each engine. Started together, since a server takes 2 s before it serves as a cluster primary.
class ClusterOfEachEngine {
 public:
  ClusterOfEachEngine(int primaries, int replicas) {
    for (const TestEngine& engine : test_engines()) clusters_.emplace_back(engine, primaries, replicas);
  }

  // When it is whole; null if that takes too long.
  TestCluster* of(const TestEngine& engine, Servers& servers) {
    for (TestCluster& cluster : clusters_) {
      if (cluster.engine().name != engine.name) continue;
      return wait_until([&] { return cluster.is_whole(servers); }) ? &cluster : nullptr;
    }
    return nullptr;
  }

 private:
  std::deque<TestCluster> clusters_;
};

inline std::string test_name(const testing::TestParamInfo<TestEngine>& param) {
  std::string name = param.param.name;
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

// The event loop and the connections of one thread.
struct TestFleet {
  boost::asio::io_context io;
  Fleet fleet{io, [] { return Credentials{kTestUser, kTestPassword}; }};
};

}  // namespace keyway::engine
