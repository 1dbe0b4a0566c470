#include "admin/backup_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::admin {
namespace {

using cluster::NodeFacts;
using cluster::Observed;
using testing::HasSubstr;

// Two primaries and a replica of each, as they see themselves and each other: p1, p2, r1, r2.
Observed small_cluster() {
  Observed observed;
  std::vector<cluster::PeerView> views;
  for (int i = 0; i < 4; ++i) {
    cluster::PeerView& view = views.emplace_back();
    view.primary = i < 2;
    view.id = (view.primary ? "p" : "r") + std::to_string(i % 2 + 1);
    view.address = {"10.0.0." + std::to_string(i + 1), 6379};
    view.config_epoch = static_cast<uint64_t>(i % 2 + 1);
    view.linked = true;
    if (!view.primary) view.primary_id = "p" + std::to_string(i % 2 + 1);
  }
  views[0].slots = {{0, 8191}};
  views[1].slots = {{8192, 16383}};
  for (const cluster::PeerView& view : views) {
    NodeFacts& node = observed.nodes.emplace_back();
    node.name = node.id = node.server.id = view.id;
    node.address = view.address;
    node.process = cluster::Process::kRunning;
    node.reach = cluster::Reach::kAnswering;
    node.server.version = "7.0.15";
    node.server.role = view.primary ? cluster::Role::kPrimary : cluster::Role::kReplica;
    node.server.link_up = true;
    node.server.last_io_ms = 1000;
    for (cluster::PeerView peer : views) {
      peer.myself = peer.id == view.id;
      node.server.peers.push_back(peer);
    }
  }
  return observed;
}

std::vector<std::string> taken_from(const Observed& observed, bool from_replicas) {
  std::vector<std::string> sources;
  auto chosen = choose_sources(observed, from_replicas);
  if (!chosen) return {chosen.error().message};
  for (const BackupSource& source : *chosen) sources.push_back(source.id + " " + source.source.host);
  return sources;
}

TEST(BackupPlan, ReplicasInSyncElsePrimaries) {
  Observed observed = small_cluster();
  EXPECT_THAT(taken_from(observed, true), testing::ElementsAre("p1 10.0.0.3", "p2 10.0.0.4"));
  EXPECT_THAT(taken_from(observed, false), testing::ElementsAre("p1 10.0.0.1", "p2 10.0.0.2"));
  observed.nodes[2].server.link_up = false;
  EXPECT_THAT(taken_from(observed, true), testing::ElementsAre("p1 10.0.0.1", "p2 10.0.0.4"));
  observed.nodes[3].server.syncing = true;
  EXPECT_THAT(taken_from(observed, true), testing::ElementsAre("p1 10.0.0.1", "p2 10.0.0.2"));
  observed.nodes[3].server.syncing = false;
  observed.nodes[3].reach = cluster::Reach::kSilent;
  EXPECT_THAT(taken_from(observed, true), testing::ElementsAre("p1 10.0.0.1", "p2 10.0.0.2"));
}

TEST(BackupPlan, NotOfAClusterThatIsNotWhole) {
  Observed observed = small_cluster();
  observed.nodes[1].server.open_slots = {{.slot = 9000, .peer_id = "p1", .importing = false}};
  auto chosen = choose_sources(observed, true);
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().code, ErrorCode::kConflict);
  EXPECT_THAT(chosen.error().message, HasSubstr("9000"));

  observed = small_cluster();
  observed.nodes[0].reach = cluster::Reach::kSilent;
  chosen = choose_sources(observed, true);
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(chosen.error().message, HasSubstr("10.0.0.1"));

  observed = small_cluster();
  for (NodeFacts& node : observed.nodes) node.server.peers[0].slots = {{0, 8190}};
  chosen = choose_sources(observed, true);
  ASSERT_FALSE(chosen);
  EXPECT_THAT(chosen.error().message, HasSubstr("8191"));
}

TEST(BackupPlan, SlotsThatMoveMeanwhile) {
  Observed observed = small_cluster();
  std::vector<BackupSource> before = *choose_sources(observed, true);
  EXPECT_TRUE(check_unmoved(before, observed));
  for (NodeFacts& node : observed.nodes) {
    node.server.peers[0].slots = {{0, 8190}};
    node.server.peers[1].slots = {{8191, 16383}};
  }
  Status moved = check_unmoved(before, observed);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kConflict);
  EXPECT_THAT(moved.error().message, HasSubstr("slot 8191 went from p1 to p2"));
}

TEST(BackupPlan, Topology) {
  Observed observed = small_cluster();
  observed.nodes[0].server.zone = "zone \"a\"";
  ShardBackup shard{
      .id = "p1", .source = {"10.0.0.3", 6379}, .file = "p1.rdb", .slots = {{0, 8191}}, .size_bytes = 5};
  std::string text = nodes_json(observed, {shard});
  EXPECT_TRUE(text.starts_with(R"([
  {
    "name": "p1",
    "host": "10.0.0.1",
    "port": 6379,
    "replicate": null,
    "slots": [[0,8191]],
    "slots_count": 8192,
    "flags": "master",
    "current_epoch": 1,
    "version": "7.0.15",
    "zone": "zone \"a\"",
    "rdb": "p1.rdb",
    "rdb_source": "10.0.0.3:6379"
  },
  {
    "name": "p2",)"))
      << text;
  EXPECT_THAT(text, HasSubstr(R"("replicate": "p2",
    "slots": [],
    "slots_count": 0,
    "flags": "slave")"));
}

}  // namespace
}  // namespace keyway::admin
