// Does the model's cluster behave as the real one does? What is expected here was seen on Redis 7.0.15 and
// Valkey 8, or is told by their sources.
#include <gmock/gmock.h>

#include <set>
#include <string>

#include "model_bench.h"

namespace keyway::simulation {
namespace {

TEST(ModelCluster, AFreshPrimaryTakesNoWritesForTwoSeconds) {
  Bench bench(true, 3, 1);
  bench.run(1900);
  EXPECT_FALSE(bench.server("p1-0").bus->ok());
  bench.run(300);
  EXPECT_TRUE(bench.server("p1-0").bus->ok());
  EXPECT_TRUE(bench.write("p1-0", bench.key_of("p1-0"), 1));
}

TEST(ModelCluster, AReplicaIsElectedAfterTheNodeTimeout) {
  Bench bench(true, 3, 1);
  bench.settle();
  bench.kill("p1-0");
  bench.run(Bench::kNodeTimeoutMs - 100);
  EXPECT_FALSE(bench.server("p1-1").is_primary());
  bench.run(2500);
  const Bus& elected = *bench.server("p1-1").bus;
  EXPECT_TRUE(elected.is_primary());
  EXPECT_GT(elected.me().config_epoch, 3u);
  EXPECT_EQ(cluster::to_string(bench.server("p2-0").bus->table().slots.of(bench.id_number("p1-1"))),
            "0-5461");
  EXPECT_TRUE(bench.server("p3-0").bus->ok());
}

TEST(ModelCluster, WithoutAMajorityNobodyIsElectedAndAVoteDoesNotHelp) {
  Bench bench(true, 3, 1);
  bench.settle();
  bench.kill("p1-0");
  bench.kill("p2-0");
  bench.run(10'000);
  EXPECT_FALSE(bench.server("p1-1").is_primary());
  EXPECT_FALSE(bench.server("p3-0").bus->ok());
  EXPECT_TRUE(bench.command("p1-1", {"CLUSTER", "FAILOVER", "FORCE"}).ok());
  bench.run(2000);
  EXPECT_FALSE(bench.server("p1-1").is_primary());
  EXPECT_TRUE(bench.command("p1-1", {"CLUSTER", "FAILOVER", "TAKEOVER"}).ok());
  EXPECT_TRUE(bench.server("p1-1").is_primary());
}

TEST(ModelCluster, AForcedFailoverIsVotedForAtOnce) {
  Bench bench(true, 3, 1);
  bench.settle();
  bench.kill("p1-0");
  EXPECT_TRUE(bench.command("p1-1", {"CLUSTER", "FAILOVER", "FORCE"}).ok());
  bench.run(20);
  EXPECT_TRUE(bench.server("p1-1").is_primary());
  EXPECT_TRUE(bench.write("p1-1", bench.key_of("p1-1"), 1));
}

TEST(ModelCluster, ATakeoverRaisesTheEpochThoughTheFileGaveTheReplicaItsPrimarysOne) {
  Bench bench(true, 2, 1);
  bench.settle();
  bench.kill("p2-0");
  bench.command("p2-1", {"CLUSTER", "FAILOVER", "TAKEOVER"});
  bench.run(10);
  EXPECT_EQ(bench.server("p2-1").bus->me().config_epoch, 3u);
  EXPECT_TRUE(bench.server("p1-0").bus->owns_slots(bench.id_number("p2-1")));
}

TEST(ModelCluster, APrimaryThatComesBackIsDemotedByTheHigherEpoch) {
  Bench bench(true, 3, 1);
  bench.settle();
  bench.kill("p1-0");
  bench.command("p1-1", {"CLUSTER", "FAILOVER", "FORCE"});
  bench.run(50);
  int key = bench.key_of("p1-1");
  ASSERT_TRUE(bench.write("p1-1", key, 4));
  bench.start("p1-0");
  bench.run(1500);
  EXPECT_FALSE(bench.server("p1-0").is_primary());
  EXPECT_EQ(bench.server("p1-0").replication.primary_place, bench.place("p1-1"));
  EXPECT_EQ(bench.value("p1-0", key), 4);
}

// As seen on Redis 7.0.15: "won", in an epoch that no longer counts.
TEST(ModelCluster, VotesOfARecentElectionCountOnceMoreOnRedisOnly) {
  for (Flavour flavour : {Flavour::kRedis70, Flavour::kValkey8}) {
    Bench bench(true, 3, 1, flavour);
    bench.settle();
    bench.command("p1-1", {"CLUSTER", "FAILOVER"});
    bench.run(500);
    ASSERT_TRUE(bench.server("p1-1").is_primary());
    bench.command("p1-0", {"CLUSTER", "FAILOVER"});
    bench.run(500);
    ASSERT_TRUE(bench.server("p1-0").is_primary());
    bench.kill("p1-0");
    bench.command("p1-1", {"CLUSTER", "FAILOVER", "FORCE"});
    bench.run(500);
    bool redis = flavour == Flavour::kRedis70;
    EXPECT_EQ(bench.server("p1-1").is_primary(), redis);
    EXPECT_TRUE(bench.server("p2-0").bus->owns_slots(bench.id_number("p1-0"))) << "it is not believed";
    if (!redis) continue;
    bench.command("p1-1", {"CLUSTER", "BUMPEPOCH"});
    bench.run(1500);
    EXPECT_TRUE(bench.server("p2-0").bus->owns_slots(bench.id_number("p1-1")));
  }
}

TEST(ModelCluster, AHandoverKeepsWritesThatWereOnTheirWay) {
  Bench bench(true, 3, 1);
  bench.settle();
  bench.world.place(bench.place("p1-1")).lag_us = 30'000;
  int key = bench.key_of("p1-0");
  ASSERT_TRUE(bench.write("p1-0", key, 4));
  EXPECT_TRUE(bench.command("p1-1", {"CLUSTER", "FAILOVER"}).ok());
  bench.run(10);
  EXPECT_FALSE(bench.write("p1-0", key, 5));
  bench.run(300);
  EXPECT_TRUE(bench.server("p1-1").is_primary());
  EXPECT_FALSE(bench.server("p1-0").is_primary());
  EXPECT_EQ(bench.value("p1-1", key), 4);
}

TEST(ModelCluster, AnIsolatedPrimaryStopsTakingWritesAndIsReplaced) {
  Bench bench(true, 3, 1);
  bench.settle();
  bench.isolate("p1-0");
  bench.run(4 * Bench::kNodeTimeoutMs);
  EXPECT_FALSE(bench.server("p1-0").bus->ok());
  EXPECT_TRUE(bench.server("p1-0").is_primary()) << "it cannot know";
  EXPECT_TRUE(bench.server("p1-1").is_primary());
  bench.isolate("p1-0", false);
  bench.run(2000);
  EXPECT_FALSE(bench.server("p1-0").is_primary());
}

TEST(ModelCluster, AForgottenNodeStaysAwayForAMinute) {
  Bench bench(true, 3, 0);
  bench.settle();
  bench.command("p1-0", {"CLUSTER", "FORGET", bench.id("p3-0")});
  EXPECT_FALSE(bench.server("p1-0").bus->ok()) << "its slots are nobody's";
  bench.run(50'000);
  EXPECT_EQ(bench.server("p1-0").bus->find(bench.id_number("p3-0")), nullptr);
  bench.run(15'000);
  EXPECT_NE(bench.server("p1-0").bus->find(bench.id_number("p3-0")), nullptr) << "gossip brings it back";
}

TEST(ModelCluster, ANewNodeIsMetAndHeardOf) {
  Bench bench(true, 2, 0);
  bench.settle();
  int place = bench.world.add_place("p9-0", "p9");
  NodeTable alone;
  alone.myself = bench.world.id_number(std::string(40, '9'));
  Peer self;
  self.id = alone.myself;
  self.place = place;
  alone.peers.push_back(self);
  bench.world.place(place).disk.table = alone;
  bench.world.launch(place, Launch{});
  bench.run(100);
  EXPECT_TRUE(bench.command("p1-0", {"CLUSTER", "MEET", "127.0.0.1", "7003"}).ok());
  bench.run(10'000);
  EXPECT_EQ(bench.server("p2-0").bus->table().peers.size(), 3u) << "by gossip";
  EXPECT_EQ(bench.server("p9-0").bus->table().peers.size(), 3u);
}

TEST(ModelCluster, EqualEpochsArePartedByTheSmallerId) {
  Bench bench(true, 2, 0);
  bench.kill("p1-0");
  bench.kill("p2-0");
  for (int place = 0; place < 2; ++place) {
    for (Peer& peer : bench.world.place(place).disk.table.peers) peer.config_epoch = 2;
    bench.start(place);
  }
  bench.settle();
  EXPECT_EQ(bench.server("p1-0").bus->me().config_epoch, 3u);
  EXPECT_EQ(bench.server("p2-0").bus->me().config_epoch, 2u);
}

TEST(ModelCluster, ASlotAndItsKeysMove) {
  Bench bench(true, 2, 0);
  bench.settle();
  int key = bench.key_of("p1-0");
  std::string slot = std::to_string(bench.slot_of(key));
  bench.write("p1-0", key, 3);
  bench.command("p2-0", {"CLUSTER", "SETSLOT", slot, "IMPORTING", bench.id("p1-0")});
  bench.command("p1-0", {"CLUSTER", "SETSLOT", slot, "MIGRATING", bench.id("p2-0")});
  EXPECT_THAT(bench.command("p1-0", {"CLUSTER", "SETSLOT", slot, "NODE", bench.id("p2-0")}).text,
              ::testing::HasSubstr("while I still hold keys"));
  std::string name = bench.world.key_names[static_cast<size_t>(key)];
  EXPECT_TRUE(
      bench.command("p1-0", {"MIGRATE", "127.0.0.1", "7002", "", "0", "1000", "REPLACE", "KEYS", name}).ok());
  EXPECT_EQ(bench.server("p1-0").read(key, false).access, Server::Access::kAsk);
  EXPECT_EQ(bench.server("p2-0").read(key, false).access, Server::Access::kMoved);
  EXPECT_EQ(bench.server("p2-0").read(key, true).value, 3);
  EXPECT_TRUE(bench.command("p2-0", {"CLUSTER", "SETSLOT", slot, "NODE", bench.id("p2-0")}).ok());
  bench.run(10);
  EXPECT_EQ(bench.server("p1-0").bus->owner(bench.slot_of(key)), bench.id_number("p2-0"));
  EXPECT_EQ(bench.server("p2-0").read(key, false).value, 3);
}

void open_a_slot(Bench& bench, int slot) {
  bench.command("p2-0", {"CLUSTER", "SETSLOT", std::to_string(slot), "IMPORTING", bench.id("p1-0")});
  bench.command("p1-0", {"CLUSTER", "SETSLOT", std::to_string(slot), "MIGRATING", bench.id("p2-0")});
}

TEST(ModelCluster, AFailoverForgetsOpenSlotsOnRedisAndKeepsThemOnValkey) {
  for (Flavour flavour : {Flavour::kRedis70, Flavour::kValkey8}) {
    Bench bench(true, 2, 1, flavour);
    bench.settle();
    open_a_slot(bench, 5);
    bench.command("p1-1", {"CLUSTER", "FAILOVER"});
    bench.run(100);
    ASSERT_TRUE(bench.server("p1-1").is_primary());
    EXPECT_EQ(bench.server("p1-1").bus->table().migrating.contains(5), flavour == Flavour::kValkey8);
  }
}

TEST(ModelCluster, WhileASlotIsImportedItsOwnerIsTheOneWhoBeganIt) {
  Bench bench(true, 3, 1);
  bench.settle();
  open_a_slot(bench, 5);
  bench.kill("p1-0");
  bench.command("p1-1", {"CLUSTER", "FAILOVER", "FORCE"});
  bench.run(4 * Bench::kNodeTimeoutMs);
  EXPECT_EQ(bench.server("p3-0").bus->owner(5), bench.id_number("p1-1"));
  EXPECT_EQ(bench.server("p2-0").bus->owner(5), bench.id_number("p1-0"));
  EXPECT_FALSE(bench.server("p2-0").bus->ok());
  bench.command("p2-0", {"CLUSTER", "SETSLOT", "5", "NODE", bench.id("p1-1")});
  bench.run(1000);
  EXPECT_TRUE(bench.server("p2-0").bus->ok());
}

// The ids of the nodes that stand in one shard with `id`, as `name` tells CLUSTER SHARDS.
std::set<std::string> shard_of(Bench& bench, const std::string& name, const std::string& id) {
  resp::Reply reply = bench.command(name, {"CLUSTER", "SHARDS"});
  for (const resp::Reply& shard : reply.elements) {
    std::set<std::string> ids;
    for (const resp::Reply& node : shard.elements.at(1).elements) ids.insert(node.elements.at(1).text);
    if (ids.contains(id)) return ids;
  }
  return {};
}

TEST(ModelCluster, AFormerPrimaryStaysInItsShard) {
  Bench bench(true, 3, 1);
  bench.settle();
  std::set<std::string> shard = {bench.id("p2-0"), bench.id("p2-1")};
  EXPECT_EQ(shard_of(bench, "p2-1", bench.id("p2-1")), shard);
  bench.kill("p2-0");
  bench.command("p2-1", {"CLUSTER", "FAILOVER", "FORCE"});
  bench.run(1000);
  ASSERT_TRUE(bench.server("p2-1").is_primary());
  EXPECT_EQ(shard_of(bench, "p1-0", bench.id("p2-1")), shard);
}

TEST(ModelCluster, ValkeyPointsOpenSlotsToWhoTookOver) {
  Bench bench(true, 3, 1, Flavour::kValkey8);
  bench.settle();
  open_a_slot(bench, 5);
  bench.run(10);
  EXPECT_TRUE(bench.server("p2-1").bus->table().importing.contains(5)) << "replicas are told";
  bench.kill("p1-0");
  bench.command("p1-1", {"CLUSTER", "FAILOVER", "FORCE"});
  bench.run(1000);
  EXPECT_EQ(bench.server("p2-0").bus->table().importing.at(5), bench.id_number("p1-1"));
  EXPECT_EQ(bench.server("p2-0").bus->owner(5), bench.id_number("p1-1"));
}

TEST(ModelCluster, ASlotThatItsOwnerNoLongerClaimsIsFree) {
  Bench bench(true, 3, 0);
  bench.kill("p1-0");
  bench.kill("p2-0");
  bench.kill("p3-0");
  // p1-0 has gone through more epochs than p2-0, to which it had given slot 0. p3-0 slept through all of it.
  for (int place : {0, 1}) {
    NodeTable& table = bench.world.place(place).disk.table;
    table.slots.set(0, 0, bench.id_number("p2-0"));
    for (Peer& peer : table.peers) {
      if (peer.id == bench.id_number("p1-0")) peer.config_epoch = 9;
      if (peer.id == bench.id_number("p2-0")) peer.config_epoch = 8;
    }
  }
  bench.start("p1-0");
  bench.start("p3-0");
  bench.run(1000);
  EXPECT_EQ(bench.server("p3-0").bus->owner(0), bench.id_number("p1-0"));
  bench.start("p2-0");
  bench.run(1000);
  EXPECT_EQ(bench.server("p3-0").bus->owner(0), bench.id_number("p2-0"));
}

TEST(ModelCluster, KeysOfSlotsThatWereLostAreDeleted) {
  Bench bench(true, 2, 0);
  bench.settle();
  int key = bench.key_of("p1-0");
  bench.write("p1-0", key, 3);
  std::string slot = std::to_string(bench.slot_of(key));
  bench.command("p2-0", {"CLUSTER", "SETSLOT", slot, "IMPORTING", bench.id("p1-0")});
  bench.command("p2-0", {"CLUSTER", "SETSLOT", slot, "NODE", bench.id("p2-0")});
  bench.run(10);
  EXPECT_EQ(bench.value("p1-0", key), 0);
}

TEST(ModelCluster, APrimaryThatComesBackEmptyEmptiesItsReplicas) {
  Bench bench(true, 3, 1);
  bench.settle();
  int key = bench.key_of("p1-0");
  bench.write("p1-0", key, 3);
  bench.run(10);
  ASSERT_EQ(bench.value("p1-1", key), 3);
  bench.kill("p1-0");
  bench.world.place(bench.place("p1-0")).disk.has_data = false;
  bench.start("p1-0");
  bench.run(900);
  EXPECT_TRUE(bench.server("p1-1").replication.syncing() || bench.value("p1-1", key) == 0);
  bench.run(2000);
  EXPECT_EQ(bench.value("p1-1", key), 0);
}

}  // namespace
}  // namespace keyway::simulation
