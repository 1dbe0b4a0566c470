#include "proxy/topology_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::proxy {
namespace {

TopologyNode node(std::string id, uint16_t port, std::string primary_id = "") {
  TopologyNode made;
  made.id = std::move(id);
  made.address = {"10.0.0.1", port};
  made.primary = primary_id.empty();
  made.primary_id = std::move(primary_id);
  return made;
}

// Two primaries, each with a half of the slots, and a replica of the first.
Topology two_shards() {
  Topology topology;
  topology.nodes = {node("a", 1), node("b", 2), node("c", 3, "a")};
  for (size_t slot = 0; slot < topology.owners.size(); ++slot) topology.owners[slot] = slot < 8192 ? 0 : 1;
  return topology;
}

TEST(TopologyChange, NothingChangesInTheSame) {
  EXPECT_TRUE(owner_changes(two_shards(), two_shards()).empty());
  // Places are not what counts.
  Topology other = two_shards();
  std::swap(other.nodes[0], other.nodes[1]);
  for (uint16_t& owner : other.owners) owner = owner == 0 ? 1 : 0;
  EXPECT_TRUE(owner_changes(two_shards(), other).empty());
}

TEST(TopologyChange, AReplicaThatTakesOverIsAFailover) {
  Topology now = two_shards();
  for (uint16_t& owner : now.owners) owner = owner == 0 ? 2 : owner;
  std::vector<OwnerChange> changes = owner_changes(two_shards(), now);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_TRUE(changes[0].failover);
  EXPECT_EQ(cluster::to_string(changes[0].slots), "0-8191");
  EXPECT_EQ(changes[0].from.port, 1);
  EXPECT_EQ(changes[0].to.port, 3);
}

TEST(TopologyChange, MovedAndLostSlotsAreTold) {
  Topology now = two_shards();
  now.owners[5] = now.owners[6] = 1;
  now.owners[9000] = Topology::kNobody;
  std::vector<OwnerChange> changes = owner_changes(two_shards(), now);
  ASSERT_EQ(changes.size(), 2U);
  bool first_moved = changes[0].to.port == 2;
  const OwnerChange& moved = changes[first_moved ? 0 : 1];
  const OwnerChange& lost = changes[first_moved ? 1 : 0];
  EXPECT_EQ(cluster::to_string(moved.slots), "5-6");
  EXPECT_FALSE(moved.failover);
  EXPECT_EQ(cluster::to_string(lost.slots), "9000");
  EXPECT_TRUE(lost.to.empty());
  EXPECT_EQ(lost.from.port, 2);
}

}  // namespace
}  // namespace keyway::proxy
