// Does the model behave as the real servers do? What is expected here was seen on Redis 7.0.15 and Valkey 8,
// or is told by their sources.
#include <gmock/gmock.h>

#include "engine/observe.h"
#include "model_bench.h"

namespace keyway::simulation {
namespace {

using ::testing::HasSubstr;

TEST(ModelReplication, AReplicaCopiesAndThenFollowsTheStream) {
  Bench bench(false, 1, 1);
  bench.run(20);
  ASSERT_TRUE(bench.write("p1-0", 0, 5));
  bench.run(200);
  EXPECT_TRUE(bench.server("p1-1").replication.in_stream());
  EXPECT_EQ(bench.value("p1-1", 0), 5);
  EXPECT_FALSE(bench.write("p1-1", 0, 6)) << "replicas take no writes";
  bench.write("p1-0", 1, 7);
  EXPECT_EQ(bench.value("p1-1", 1), 0) << "replication lags";
  bench.run(10);
  EXPECT_EQ(bench.value("p1-1", 1), 7);
}

TEST(ModelReplication, WhatWasNotSavedIsLostByAKillAndKeptByAShutdown) {
  Bench bench(false, 1, 0);
  bench.run(20);
  bench.write("p1-0", 0, 5);
  bench.server("p1-0").close(true);
  bench.run(50);
  ASSERT_EQ(bench.world.server(0), nullptr);
  bench.start("p1-0");
  bench.run(50);
  EXPECT_EQ(bench.value("p1-0", 0), 5);
  bench.write("p1-0", 0, 6);
  bench.kill("p1-0");
  bench.start("p1-0");
  bench.run(50);
  EXPECT_EQ(bench.value("p1-0", 0), 5);
}

// The disaster that Keyway exists to prevent.
TEST(ModelReplication, ReplicasOfAPrimaryThatComesBackEmptyBecomeEmpty) {
  Bench bench(false, 1, 1);
  bench.run(200);
  bench.write("p1-0", 0, 5);
  bench.run(10);
  bench.world.place(0).disk.has_data = false;
  bench.kill("p1-0");
  bench.start("p1-0");
  bench.run(5000);
  EXPECT_TRUE(bench.server("p1-1").replication.in_stream());
  EXPECT_EQ(bench.value("p1-1", 0), 0);
}

TEST(ModelReplication, AShortInterruptionNeedsNoFullCopy) {
  Bench bench(false, 1, 1);
  bench.run(200);
  bench.world.place(1).transfer_ms = 60'000;  // a full copy would be noticed
  bench.command("p1-1", {"REPLICAOF", "NO", "ONE"});
  bench.command("p1-0", {"REPLICAOF", "127.0.0.1", "7002"});
  bench.run(2000);
  EXPECT_TRUE(bench.server("p1-0").replication.in_stream()) << "the new history goes on from the old one";
  EXPECT_EQ(bench.server("p1-0").replication.replid, bench.server("p1-1").replication.replid);
}

TEST(ModelReplication, AReplicaWithMoreThanItsNewPrimaryCopiesEverything) {
  Bench bench(false, 1, 1);
  bench.run(200);
  bench.world.place(1).lag_us = 50'000;
  bench.write("p1-0", 0, 5);
  bench.command("p1-1", {"REPLICAOF", "NO", "ONE"});
  bench.command("p1-0", {"REPLICAOF", "127.0.0.1", "7002"});
  bench.run(2000);
  EXPECT_EQ(bench.value("p1-0", 0), 0) << "a write that was not replicated is lost";
}

TEST(ModelReplication, AHandoverLosesNothing) {
  Bench bench(false, 1, 1);
  bench.run(200);
  bench.world.place(1).lag_us = 50'000;
  bench.write("p1-0", 0, 5);
  EXPECT_TRUE(bench.command("p1-0", {"FAILOVER", "TO", "127.0.0.1", "7002", "TIMEOUT", "5000"}).ok());
  EXPECT_FALSE(bench.write("p1-0", 1, 6)) << "writes wait meanwhile";
  bench.run(2000);
  EXPECT_TRUE(bench.server("p1-1").is_primary());
  EXPECT_EQ(bench.value("p1-1", 0), 5);
  EXPECT_EQ(bench.server("p1-0").replication.primary_place, 1);
}

TEST(ModelReplication, AHeldServerServesNobody) {
  Bench bench(false, 1, 0);
  bench.run(20);
  bench.kill("p1-0");
  bench.start(0, -1, true);
  bench.run(100);
  EXPECT_FALSE(bench.write("p1-0", 0, 1));
  cluster::ServerFacts facts;
  bool loading = true;
  ASSERT_TRUE(engine::parse_info(bench.command("p1-0", {"INFO"}).text, facts, loading));
  EXPECT_FALSE(loading);
  EXPECT_EQ(facts.role, cluster::Role::kReplica);
}

TEST(ModelReplication, AServerWhoseDataIsDamagedEnds) {
  Bench bench(false, 1, 0);
  bench.run(20);
  bench.server("p1-0").save();
  bench.kill("p1-0");
  bench.world.place(0).disk.loadable = false;
  std::vector<Exit> exits;
  bench.world.on_exit = [&](int, int, Exit exit) { exits.push_back(exit); };
  bench.start("p1-0");
  bench.run(100);
  EXPECT_EQ(exits, std::vector<Exit>{Exit::kUnloadable});
}

TEST(ModelServer, APausedServerCarriesOutWhatWaitedWhenItGoesOn) {
  Bench bench(false, 1, 0);
  bench.run(20);
  int pid = bench.server("p1-0").pid;
  bench.world.pause(0);
  bench.world.on_server(0, pid, 100, [](Server& server) { server.values[0] = 9; });
  bench.run(50);
  EXPECT_EQ(bench.value("p1-0", 0), 0);
  bench.world.resume(0);
  bench.run(50);
  EXPECT_EQ(bench.value("p1-0", 0), 9);
}

TEST(ModelServer, AnswersAsRealServersDo) {
  Bench bench(true, 2, 1);
  bench.settle();
  EXPECT_EQ(bench.command("p1-0", {"CLUSTER", "FAILOVER"}).text,
            "ERR You should send CLUSTER FAILOVER to a replica");
  EXPECT_EQ(bench.command("p1-0", {"CLUSTER", "REPLICATE", bench.id("p1-1")}).text,
            "ERR I can only replicate a master, not a replica.");
  EXPECT_EQ(bench.command("p1-0", {"CLUSTER", "REPLICATE", bench.id("p2-0")}).text,
            "ERR To set a master the node must be empty and without assigned slots.");
  EXPECT_EQ(bench.command("p1-1", {"CLUSTER", "FORGET", bench.id("p1-0")}).text,
            "ERR Can't forget my master!");
  EXPECT_EQ(bench.command("p1-0", {"CLUSTER", "ADDSLOTS", "5"}).text, "ERR Slot 5 is already busy");
  EXPECT_EQ(bench.command("p1-1", {"CLUSTER", "SETSLOT", "5", "STABLE"}).text,
            "ERR Please use SETSLOT only with masters.");
  EXPECT_THAT(bench.command("p1-0", {"REPLICAOF", "NO", "ONE"}).text,
              HasSubstr("not allowed in cluster mode"));
  EXPECT_TRUE(bench.command("p1-0", {"CONFIG", "SET", "maxmemory", "100"}).ok());
  EXPECT_TRUE(bench.command("p1-0", {"CONFIG", "SET", "io-threads", "4"}).is_error());
}

TEST(ModelServer, WhatItPrintsIsUnderstood) {
  Bench bench(true, 2, 1);
  bench.settle();
  bench.command("p1-0", {"CLUSTER", "SETSLOT", "3", "MIGRATING", bench.id("p2-0")});
  std::vector<cluster::OpenSlot> open;
  auto peers = engine::parse_cluster_nodes(bench.command("p1-0", {"CLUSTER", "NODES"}).text, &open);
  ASSERT_TRUE(peers) << peers.error().message;
  ASSERT_EQ(peers->size(), 4u);
  EXPECT_TRUE((*peers)[0].myself);
  EXPECT_EQ(cluster::to_string((*peers)[0].slots), "0-8191");
  EXPECT_EQ((*peers)[1].primary_id, bench.id("p1-0"));
  EXPECT_TRUE((*peers)[2].linked);
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].peer_id, bench.id("p2-0"));
  EXPECT_THAT(bench.command("p1-0", {"CLUSTER", "INFO"}).text, HasSubstr("cluster_state:ok"));
}

}  // namespace
}  // namespace keyway::simulation
