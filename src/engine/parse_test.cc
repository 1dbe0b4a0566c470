#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/strings.h"
#include "engine/node_table.h"
#include "engine/observe.h"
#include "engine/samples/samples.h"

namespace keyway::engine {
namespace {

using cluster::EngineKind;
using cluster::OpenSlot;
using cluster::PeerView;
using cluster::Role;
using cluster::ServerFacts;
using cluster::SlotRange;

std::string with_crlf(std::string_view text) {
  std::string lines;
  for (char c : text) {
    if (c == '\n') lines += '\r';
    lines += c;
  }
  return lines;
}

// The value of a line of INFO, found the slow way.
std::string value_of(std::string_view info, std::string_view name) {
  for (std::string_view line : split(info, '\n')) {
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':'))
      return std::string(line.substr(name.size() + 1));
  }
  return {};
}

ServerFacts facts_of(std::string_view info) {
  ServerFacts facts;
  bool loading = true;
  Status status = parse_info(with_crlf(info), facts, loading);
  EXPECT_TRUE(status) << status.error().message;
  EXPECT_FALSE(loading);
  return facts;
}

const PeerView* at_port(const std::vector<PeerView>& peers, uint16_t port) {
  for (const PeerView& peer : peers) {
    if (peer.address.port == port) return &peer;
  }
  return nullptr;
}

class EveryEngine : public testing::TestWithParam<EngineSample> {};

INSTANTIATE_TEST_SUITE_P(Samples, EveryEngine, testing::ValuesIn(kEngineSamples), [](const auto& param) {
  std::string name(param.param.engine);
  for (char& c : name) c = (c == '-' || c == '.') ? '_' : c;
  return name;
});

TEST_P(EveryEngine, InfoOfAPrimary) {
  std::string_view info = GetParam().info_primary;
  ServerFacts facts = facts_of(info);
  std::string_view engine = GetParam().engine;
  std::string_view kind = engine.substr(0, engine.find('-'));
  EXPECT_EQ(facts.version, engine.substr(kind.size() + 1));
  EXPECT_EQ(facts.engine, kind == "valkey" ? EngineKind::kValkey : EngineKind::kRedis);
  EXPECT_EQ(facts.role, Role::kPrimary);
  EXPECT_EQ(facts.replid, value_of(info, "master_replid"));
  EXPECT_EQ(facts.replid.size(), 40u);
  EXPECT_EQ(facts.replid2, std::string(40, '0'));
  EXPECT_EQ(facts.second_offset, -1);
  EXPECT_EQ(std::to_string(facts.offset), value_of(info, "master_repl_offset"));
  EXPECT_GT(facts.offset, 1000);
  EXPECT_EQ(facts.connected_replicas, 1);
  EXPECT_EQ(facts.keys, 60);
  EXPECT_EQ(std::to_string(facts.memory_bytes), value_of(info, "used_memory"));
  EXPECT_EQ(std::to_string(facts.process_id), value_of(info, "process_id"));
  EXPECT_TRUE(facts.primary_address.empty());
}

TEST_P(EveryEngine, InfoOfAReplica) {
  std::string_view info = GetParam().info_replica;
  ServerFacts facts = facts_of(info);
  EXPECT_EQ(facts.role, Role::kReplica);
  EXPECT_EQ(facts.primary_address, (Address{"127.0.0.1", 21000}));
  EXPECT_TRUE(facts.link_up);
  EXPECT_TRUE(facts.was_linked);
  EXPECT_FALSE(facts.syncing);
  EXPECT_GE(facts.last_io_ms, 0);
  EXPECT_EQ(std::to_string(facts.offset), value_of(info, "slave_repl_offset"));
  EXPECT_EQ(facts.replid, facts_of(GetParam().info_primary).replid);
  EXPECT_EQ(facts.connected_replicas, 0);
  EXPECT_EQ(facts.keys, 60);
}

TEST_P(EveryEngine, InfoOfAReplicaWithoutItsPrimary) {
  ServerFacts facts = facts_of(GetParam().info_replica_down);
  EXPECT_EQ(facts.role, Role::kReplica);
  EXPECT_FALSE(facts.link_up);
  EXPECT_TRUE(facts.was_linked);
  EXPECT_FALSE(facts.syncing);
  EXPECT_EQ(facts.last_io_ms, -1);
  EXPECT_GT(facts.offset, 1000);
}

TEST_P(EveryEngine, NodesWithAMigratingSlot) {
  std::vector<OpenSlot> open;
  Result<std::vector<PeerView>> peers = parse_cluster_nodes(GetParam().nodes_migrating, &open);
  ASSERT_TRUE(peers) << peers.error().message;
  ASSERT_EQ(peers->size(), 7u);

  const PeerView* self = at_port(*peers, 21000);
  ASSERT_NE(self, nullptr);
  EXPECT_TRUE(self->myself);
  EXPECT_TRUE(self->primary);
  EXPECT_TRUE(self->linked);
  EXPECT_EQ(self->id.size(), 40u);
  EXPECT_EQ(self->address.host, "127.0.0.1");
  EXPECT_EQ(self->bus_port, 31000);
  EXPECT_EQ(self->config_epoch, 1u);
  EXPECT_EQ(self->primary_id, "");
  EXPECT_THAT(self->slots, testing::ElementsAre(SlotRange{0, 5460}));

  const PeerView* replica = at_port(*peers, 21003);
  ASSERT_NE(replica, nullptr);
  EXPECT_FALSE(replica->primary);
  EXPECT_FALSE(replica->myself);
  EXPECT_EQ(replica->primary_id, self->id);
  EXPECT_TRUE(replica->slots.empty());

  const PeerView* stranger = at_port(*peers, 21009);
  ASSERT_NE(stranger, nullptr);
  EXPECT_TRUE(stranger->handshake);
  EXPECT_FALSE(stranger->primary);
  EXPECT_FALSE(stranger->linked);

  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].slot, 100);
  EXPECT_FALSE(open[0].importing);
  EXPECT_EQ(open[0].peer_id, at_port(*peers, 21001)->id);
}

TEST_P(EveryEngine, NodesWithAnImportingSlot) {
  std::vector<OpenSlot> open;
  Result<std::vector<PeerView>> peers = parse_cluster_nodes(GetParam().nodes_importing, &open);
  ASSERT_TRUE(peers) << peers.error().message;
  EXPECT_EQ(peers->size(), 6u);
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].slot, 100);
  EXPECT_TRUE(open[0].importing);
  EXPECT_EQ(open[0].peer_id, at_port(*peers, 21000)->id);
  EXPECT_TRUE(parse_cluster_nodes(GetParam().nodes_importing, nullptr));
}

// What a server itself writes, read and written again, says the same, with the shard ids where the engine has
// them.
TEST_P(EveryEngine, NodeTableOfTheServerItself) {
  Result<std::vector<PeerView>> peers = parse_cluster_nodes(GetParam().nodes_conf, nullptr);
  ASSERT_TRUE(peers) << peers.error().message;
  ASSERT_EQ(peers->size(), 6u);
  bool has_shard_ids = GetParam().engine != "redis-7.0.15";
  for (const PeerView& peer : *peers) EXPECT_EQ(peer.shard_id.size(), has_shard_ids ? 40u : 0u);
  EXPECT_EQ(at_port(*peers, 21000)->shard_id, at_port(*peers, 21003)->shard_id);

  std::string text = render_node_table(*peers, 3, has_shard_ids);
  EXPECT_TRUE(text.ends_with("\nvars currentEpoch 3 lastVoteEpoch 3\n"));
  Result<std::vector<PeerView>> again = parse_cluster_nodes(text, nullptr);
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->size(), peers->size());
  for (size_t i = 0; i < peers->size(); ++i) {
    EXPECT_EQ((*again)[i].id, (*peers)[i].id);
    EXPECT_EQ((*again)[i].address, (*peers)[i].address);
    EXPECT_EQ((*again)[i].bus_port, (*peers)[i].bus_port);
    EXPECT_EQ((*again)[i].primary, (*peers)[i].primary);
    EXPECT_EQ((*again)[i].myself, (*peers)[i].myself);
    EXPECT_EQ((*again)[i].primary_id, (*peers)[i].primary_id);
    EXPECT_EQ((*again)[i].shard_id, (*peers)[i].shard_id);
    EXPECT_EQ((*again)[i].config_epoch, (*peers)[i].config_epoch);
    EXPECT_EQ((*again)[i].slots, (*peers)[i].slots);
  }
}

PeerView one_line(std::string_view line) {
  Result<std::vector<PeerView>> peers = parse_cluster_nodes(line, nullptr);
  EXPECT_TRUE(peers) << peers.error().message;
  return peers ? peers->at(0) : PeerView{};
}

TEST(ClusterNodes, FlagsOfTrouble) {
  PeerView suspected = one_line(
      "40857eb1ac0e20156419c6f01a7b15e7a96232e0 127.0.0.1:21000@31000 master,fail? - 1795308960333 "
      "1795308959526 1 disconnected "
      "0-5460\n");
  EXPECT_TRUE(suspected.pfail);
  EXPECT_FALSE(suspected.fail);
  EXPECT_FALSE(suspected.linked);

  PeerView failed = one_line("a 127.0.0.1:1@10001 slave,fail,nofailover b 1 2 1 disconnected");
  EXPECT_TRUE(failed.fail);
  EXPECT_FALSE(failed.pfail);
  EXPECT_EQ(failed.primary_id, "b");

  PeerView lost = one_line("a :0@0 master,noaddr - 1 2 1 disconnected");
  EXPECT_TRUE(lost.noaddr);
  EXPECT_TRUE(lost.address.empty());

  PeerView bare = one_line("a 127.0.0.1:1@10001 noflags - 0 0 0 connected");
  EXPECT_FALSE(bare.primary);
  EXPECT_EQ(one_line("a :7001@17001 myself,master - 0 0 0 connected").address, (Address{"", 7001}));
}

TEST(ClusterNodes, Ipv6AndHostNames) {
  PeerView v6 = one_line(
      "d7d873642fdb2b6c8031edae9ec6fa2ab00597a3 ::1:21000@31000,p1.example.com myself,master - 0 1 1 "
      "connected 5");
  EXPECT_EQ(v6.address, (Address{"::1", 21000}));
  EXPECT_THAT(v6.slots, testing::ElementsAre(SlotRange{5, 5}));
  PeerView full = one_line(
      "a 2001:db8::2:1@3,host,nodename=n,tls-port=0,shard-id=s master - 0 1 18446744073709551615 connected");
  EXPECT_EQ(full.address, (Address{"2001:db8::2", 1}));
  EXPECT_EQ(full.shard_id, "s");
  EXPECT_EQ(full.config_epoch, UINT64_MAX);
}

TEST(ClusterNodes, SlotsOfManyKinds) {
  std::vector<OpenSlot> open;
  Result<std::vector<PeerView>> peers = parse_cluster_nodes(
      "a 127.0.0.1:1@2 myself,master - 0 0 1 connected 0 2-3 4 9-16383 [93-<-b] [16383->-c]\n", &open);
  ASSERT_TRUE(peers);
  EXPECT_EQ(cluster::to_string(peers->at(0).slots), "0 2-4 9-16383");
  ASSERT_EQ(open.size(), 2u);
  EXPECT_EQ(open[1].slot, 16383);
  EXPECT_FALSE(open[1].importing);
  EXPECT_EQ(open[1].peer_id, "c");
}

TEST(ClusterNodes, RefusesWhatNoServerPrints) {
  constexpr std::string_view wrong[] = {
      "",
      "\n\n",
      "ERR unknown command",
      "a",
      "a 127.0.0.1:1 master - 0 0 1 connected",
      "a 127.0.0.1:x@2 master - 0 0 1 connected",
      "a 127.0.0.1:1@70000 master - 0 0 1 connected",
      "a 127.0.0.1:1@2 master - 0 0 -1 connected",
      "a 127.0.0.1:1@2 master - 0 0 1 perhaps",
      "a 127.0.0.1:1@2 master - 0 0 1 connected 16384",
      "a 127.0.0.1:1@2 master - 0 0 1 connected 5-4",
      "a 127.0.0.1:1@2 master - 0 0 1 connected 5-6 6",
      "a 127.0.0.1:1@2 master - 0 0 1 connected [5",
      "a 127.0.0.1:1@2 master - 0 0 1 connected []",
      "a 127.0.0.1:1@2 master - 0 0 1 connected [5-b]",
      "a 127.0.0.1:1@2 master - 0 0 1 connected [5->-]",
  };
  for (std::string_view text : wrong) {
    Result<std::vector<PeerView>> peers = parse_cluster_nodes(text, nullptr);
    ASSERT_FALSE(peers) << text;
    EXPECT_EQ(peers.error().code, ErrorCode::kCorrupt);
  }
}

TEST(Info, SumsDatabasesAndReadsTheHistoryBefore) {
  ServerFacts facts;
  bool loading = false;
  facts.keys = 77;
  ASSERT_TRUE(parse_info(
      "redis_version:7.0.15\r\nloading:1\r\nrole:master\r\nslave0:ip=127.0.0.1,port=1,state=online,offset=5,"
      "lag=0\r\n"
      "master_replid2:abc\r\nsecond_repl_offset:42\r\n# Keyspace\r\ndb0:keys=5,expires=1,avg_ttl=0\r\n"
      "db11:keys=7,expires=0,avg_ttl=0\r\n",
      facts, loading));
  EXPECT_TRUE(loading);
  EXPECT_EQ(facts.keys, 12);
  EXPECT_EQ(facts.replid2, "abc");
  EXPECT_EQ(facts.second_offset, 42);
}

TEST(Info, ReplicaInAFullCopy) {
  ServerFacts facts;
  bool loading = false;
  ASSERT_TRUE(parse_info(
      "redis_version:7.0.15\nrole:slave\nmaster_host:::1\nmaster_port:7001\nmaster_link_status:down\n"
      "master_last_io_seconds_ago:3\nmaster_sync_in_progress:1\nslave_repl_offset:1\nmaster_repl_offset:9\n",
      facts, loading));
  EXPECT_EQ(facts.primary_address, (Address{"::1", 7001}));
  EXPECT_TRUE(facts.syncing);
  EXPECT_FALSE(facts.link_up);
  EXPECT_EQ(facts.last_io_ms, 3000);
  EXPECT_EQ(facts.offset, 1);
}

TEST(Info, RefusesWhatNoServerPrints) {
  constexpr std::string_view wrong[] = {
      "",
      "role:master\n",
      "redis_version:7.0.15\n",
      "redis_version:7.0.15\nrole:sentinel\n",
      "redis_version:7.0.15\nrole:master\nused_memory:much\n",
      "redis_version:7.0.15\nrole:master\nprocess_id:99999999999\n",
      "redis_version:7.0.15\nrole:master\nloading:yes\n",
      "redis_version:7.0.15\nrole:master\ndb0:keys=,expires=0\n",
      "redis_version:7.0.15\nrole:master\ndb0:keys=9223372036854775807\ndb1:keys=1\n",
  };
  for (std::string_view text : wrong) {
    ServerFacts facts;
    bool loading = false;
    Status status = parse_info(text, facts, loading);
    ASSERT_FALSE(status) << text;
    EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
  }
}

TEST(NodeTable, LeavesOutNodesInHandshakeAndKnowsTheUsualBusPort) {
  PeerView self;
  self.id = "a";
  self.address = {"::1", 7001};
  self.bus_port = 17001;
  self.myself = self.primary = true;
  self.config_epoch = 4;
  self.slots = {{0, 5}, {7, 7}};
  PeerView stranger = self;
  stranger.handshake = true;
  PeerView replica;
  replica.id = "c";
  replica.address = {"127.0.0.1", 7002};
  replica.primary_id = "a";
  PeerView lost;
  lost.id = "b";
  lost.noaddr = true;
  lost.primary_id = "a";
  lost.shard_id = "s";
  EXPECT_EQ(render_node_table({self, stranger, replica, lost}, 9, false),
            "a ::1:7001@17001 myself,master - 0 0 4 connected 0-5 7\n"
            "c 127.0.0.1:7002@17002 slave a 0 0 0 connected\n"
            "b :0@0 slave,noaddr a 0 0 0 connected\n"
            "vars currentEpoch 9 lastVoteEpoch 9\n");
  EXPECT_THAT(render_node_table({lost}, 9, true), testing::StartsWith("b :0@0,,shard-id=s slave,noaddr a"));
}

}  // namespace
}  // namespace keyway::engine
