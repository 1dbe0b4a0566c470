#include "backup/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace keyway::backup {
namespace {

using cluster::Mode;
using cluster::NodeFacts;
using cluster::Observed;
using cluster::Role;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

NodeFacts node_of(const std::string& name, const std::string& shard, Role role) {
  NodeFacts node;
  node.name = node.id = node.server.id = name;
  node.shard = shard;
  node.address = {"10.0.0.1", static_cast<uint16_t>(7000 + name.back() - '0')};
  node.process = cluster::Process::kRunning;
  node.reach = cluster::Reach::kAnswering;
  node.server.role = role;
  node.server.link_up = true;
  node.server.last_io_ms = 100;
  return node;
}

// n1 and n2 are the primaries of s1 and s2, n3 and n4 replicas of n1.
Observed two_shards() {
  Observed observed;
  observed.nodes = {node_of("n1", "s1", Role::kPrimary), node_of("n2", "s2", Role::kPrimary),
                    node_of("n3", "s1", Role::kReplica), node_of("n4", "s1", Role::kReplica)};
  observed.nodes[2].server.offset = 50;
  observed.nodes[3].server.offset = 60;
  std::vector<cluster::PeerView> views;
  for (const NodeFacts& node : observed.nodes) {
    cluster::PeerView& view = views.emplace_back();
    view.id = node.id;
    view.address = node.address;
    view.primary = node.server.role == Role::kPrimary;
    view.primary_id = view.primary ? "" : "n1";
    view.config_epoch = node.id == "n2" ? 2 : 1;
    view.linked = true;
  }
  views[0].slots = {{0, 8191}};
  views[1].slots = {{8192, 16383}};
  for (NodeFacts& node : observed.nodes) {
    for (cluster::PeerView view : views) {
      view.myself = view.id == node.id;
      node.server.peers.push_back(view);
    }
  }
  return observed;
}

// What all nodes say of one.
void change(Observed& observed, const std::string& id, const std::function<void(cluster::PeerView&)>& how) {
  for (NodeFacts& node : observed.nodes) {
    for (cluster::PeerView& view : node.server.peers) {
      if (view.id == id) how(view);
    }
  }
}

std::vector<std::string> names(const ShardSources& shard) {
  std::vector<std::string> names;
  for (const Source& source : shard.sources) names.push_back(source.node);
  return names;
}

TEST(Sources, TheFurthestReplicaFirstThePrimaryLast) {
  auto shards = choose_sources(two_shards(), Mode::kSharded);
  ASSERT_TRUE(shards) << shards.error().message;
  ASSERT_EQ(shards->size(), 2U);
  EXPECT_EQ(shards->front().name, "s1");
  EXPECT_THAT(names(shards->front()), ElementsAre("n4", "n3", "n1"));
  EXPECT_THAT(shards->front().ids, ElementsAre("n1", "n3", "n4"));
  EXPECT_THAT(names(shards->back()), ElementsAre("n2"));
}

TEST(Sources, NoReplicaThatIsBehind) {
  Observed observed = two_shards();
  observed.nodes[3].server.link_up = false;
  observed.nodes[2].server.syncing = true;
  auto shards = choose_sources(observed, Mode::kSharded);
  ASSERT_TRUE(shards);
  EXPECT_THAT(names(shards->front()), ElementsAre("n1"));
}

TEST(Sources, OfAReplicatedServer) {
  Observed observed;
  observed.nodes = {node_of("n1", "s1", Role::kPrimary), node_of("n2", "s1", Role::kReplica)};
  auto shards = choose_sources(observed, Mode::kReplicated);
  ASSERT_TRUE(shards);
  EXPECT_THAT(names(shards->front()), ElementsAre("n2", "n1"));
  EXPECT_THAT(shards->front().slots, IsEmpty());
  observed.nodes[0].reach = cluster::Reach::kSilent;
  shards = choose_sources(observed, Mode::kReplicated);
  ASSERT_FALSE(shards);
  EXPECT_EQ(shards.error().code, ErrorCode::kUnavailable);
}

TEST(Sources, AFailoverWithinTheShardIsNoMove) {
  Observed observed = two_shards();
  auto before = choose_sources(observed, Mode::kSharded);
  ASSERT_TRUE(before);
  EXPECT_TRUE(check_unmoved(*before, observed, Mode::kSharded));
  change(observed, "n1", [](cluster::PeerView& view) {
    view.primary = false;
    view.primary_id = "n4";
    view.slots.clear();
  });
  change(observed, "n4", [](cluster::PeerView& view) {
    view.primary = true;
    view.primary_id.clear();
    view.config_epoch = 3;
    view.slots = {{0, 8191}};
  });
  std::swap(observed.nodes[0].server.role, observed.nodes[3].server.role);
  Status unmoved = check_unmoved(*before, observed, Mode::kSharded);
  EXPECT_TRUE(unmoved) << unmoved.error().message;
}

TEST(Sources, ASlotThatLeftItsShardIsToldOf) {
  Observed observed = two_shards();
  auto before = choose_sources(observed, Mode::kSharded);
  ASSERT_TRUE(before);
  change(observed, "n1", [](cluster::PeerView& view) { view.slots = {{0, 8190}}; });
  change(observed, "n2", [](cluster::PeerView& view) { view.slots = {{8191, 16383}}; });
  Status unmoved = check_unmoved(*before, observed, Mode::kSharded);
  ASSERT_FALSE(unmoved);
  EXPECT_EQ(unmoved.error().code, ErrorCode::kConflict);
  EXPECT_THAT(unmoved.error().message, HasSubstr("slot 8191 left shard s1"));
}

}  // namespace
}  // namespace keyway::backup
