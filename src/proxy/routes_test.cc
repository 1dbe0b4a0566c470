#include "proxy/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keyway::proxy {
namespace {

using cluster::PeerView;
using testing::ElementsAre;

PeerView primary(const std::string& id, uint16_t port, cluster::SlotRanges slots, uint64_t epoch) {
  PeerView peer;
  peer.id = id;
  peer.address = {"10.0.0.1", port};
  peer.primary = true;
  peer.config_epoch = epoch;
  peer.slots = std::move(slots);
  return peer;
}

TEST(Topology, TheHigherEpochOwnsASlotThatTwoClaim) {
  Topology topology =
      join_views({{{"10.0.0.1", 1}, {primary("a", 1, {{0, 100}}, 1), primary("b", 2, {{101, 16383}}, 2)}},
                  {{"10.0.0.1", 3}, {primary("c", 3, {{50, 100}}, 3)}}});
  ASSERT_EQ(topology.nodes.size(), 3U);
  EXPECT_EQ(topology.nodes[topology.owners[49]].id, "a");
  EXPECT_EQ(topology.nodes[topology.owners[50]].id, "c");
  EXPECT_EQ(topology.nodes[topology.owners[101]].id, "b");
}

TEST(Topology, ANodesOwnWordOutweighsOthers) {
  PeerView own = primary("a", 1, {}, 1);
  own.myself = true;
  own.primary = false;
  Topology topology =
      join_views({{{"10.0.0.1", 2}, {primary("a", 1, {{0, 16383}}, 5)}}, {{"10.0.0.1", 1}, {own}}});
  ASSERT_EQ(topology.nodes.size(), 1U);
  EXPECT_FALSE(topology.nodes[0].primary);
  EXPECT_EQ(topology.owners[0], Topology::kNobody);
}

TEST(Topology, ANodeThatDoesNotKnowItsAddressIsWhereItWasReached) {
  PeerView own = primary("a", 7001, {{0, 16383}}, 1);
  own.address.host.clear();
  own.myself = true;
  PeerView unknown = primary("b", 7002, {}, 1);
  unknown.noaddr = true;
  Topology topology = join_views({{{"192.168.0.9", 7001}, {own, unknown}}});
  ASSERT_EQ(topology.nodes.size(), 1U);
  EXPECT_EQ(topology.nodes[0].address, (Address{"192.168.0.9", 7001}));
}

TEST(Routes, PlacesOfNodesStay) {
  Routes routes;
  EXPECT_EQ(routes.owner(0), Routes::kNobody);
  routes.apply(join_views({{{}, {primary("a", 1, {{0, 99}}, 1), primary("b", 2, {{100, 16383}}, 1)}}}));
  uint16_t a = routes.owner(0);
  uint16_t b = routes.owner(100);
  EXPECT_EQ(routes.node(b).address.port, 2);
  EXPECT_THAT(routes.shard_slots(), ElementsAre(0, 100));
  uint64_t version = routes.version();
  routes.learn(7, b);
  EXPECT_EQ(routes.owner(7), b);
  EXPECT_GT(routes.version(), version);
  version = routes.version();
  routes.learn(7, b);
  EXPECT_EQ(routes.version(), version) << "nothing has changed";
  routes.apply(join_views({{{}, {primary("b", 2, {{0, 16383}}, 2)}}}));
  EXPECT_EQ(routes.owner(0), b);
  EXPECT_EQ(routes.place_of({"10.0.0.1", 1}), a);
  EXPECT_THAT(routes.shard_slots(), ElementsAre(0));
}

TEST(Routes, ReadsRedirections) {
  auto moved = parse_redirection("-MOVED 3999 127.0.0.1:6381\r\n");
  ASSERT_TRUE(moved);
  EXPECT_FALSE(moved->ask);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->to, (Address{"127.0.0.1", 6381}));
  auto ask = parse_redirection("-ASK 1 ::1:7001\r\n");
  ASSERT_TRUE(ask);
  EXPECT_TRUE(ask->ask);
  EXPECT_EQ(ask->to, (Address{"::1", 7001}));
  auto same_host = parse_redirection("-MOVED 1 :7001\r\n");
  ASSERT_TRUE(same_host);
  EXPECT_EQ(same_host->to, (Address{"", 7001}));
  for (const char* other : {"-ERR MOVED 1 a:1\r\n", "-MOVED x 127.0.0.1:1\r\n",
                            "-MOVED 16384 127.0.0.1:1\r\n", "-MOVED 1\r\n", "+OK\r\n", "-MOVED 1 host\r\n"}) {
    EXPECT_FALSE(parse_redirection(other)) << other;
  }
}

}  // namespace
}  // namespace keyway::proxy
