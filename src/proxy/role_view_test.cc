#include "proxy/role_view.h"

#include <gtest/gtest.h>

namespace keyway::proxy {
namespace {

resp::Reply reply(std::string_view wire) {
  resp::ReplyParser parser;
  parser.feed(wire);
  auto parsed = parser.next();
  return parsed && *parsed ? **parsed : resp::Reply{};
}

const Address kA{"10.0.0.1", 7001};
const Address kB{"10.0.0.2", 7002};
const Address kC{"10.0.0.3", 7003};

constexpr std::string_view kPrimaryOfTwo =
    "*3\r\n$6\r\nmaster\r\n:900\r\n*2\r\n"
    "*3\r\n$8\r\n10.0.0.2\r\n$4\r\n7002\r\n$3\r\n900\r\n"
    "*3\r\n$8\r\n10.0.0.3\r\n$4\r\n7003\r\n$3\r\n890\r\n";
constexpr std::string_view kPrimaryOfNone = "*3\r\n$6\r\nmaster\r\n:1500\r\n*0\r\n";
constexpr std::string_view kReplicaOfA =
    "*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.1\r\n:7001\r\n$9\r\nconnected\r\n:900\r\n";

TEST(RoleView, ThePrimaryOwnsEverySlot) {
  Topology topology = join_roles({{kB, reply(kReplicaOfA)}, {kA, reply(kPrimaryOfTwo)}});
  EXPECT_FALSE(topology.sharded);
  ASSERT_EQ(topology.nodes.size(), 3u);
  EXPECT_EQ(topology.nodes[0].address, kA);
  EXPECT_TRUE(topology.nodes[0].primary);
  EXPECT_EQ(topology.nodes[1].address, kB);
  EXPECT_EQ(topology.nodes[2].address, kC);
  EXPECT_FALSE(topology.nodes[2].primary);
  EXPECT_EQ(topology.nodes[2].primary_id, "10.0.0.1:7001");
  EXPECT_EQ(topology.owners.front(), 0);
  EXPECT_EQ(topology.owners.back(), 0);
}

TEST(RoleView, AReplicaTellsWhoThePrimaryIs) {
  Topology topology = join_roles({{kB, reply(kReplicaOfA)}});
  ASSERT_EQ(topology.nodes.size(), 2u);
  EXPECT_EQ(topology.nodes[0].address, kA);
  EXPECT_TRUE(topology.nodes[0].primary);
}

TEST(RoleView, OfTwoPrimariesTheOneWithReplicasIsIt) {
  for (bool turned : {false, true}) {
    std::vector<RoleView> views = {{kC, reply(kPrimaryOfNone)}, {kA, reply(kPrimaryOfTwo)}};
    if (turned) std::swap(views[0], views[1]);
    EXPECT_EQ(join_roles(views).nodes[0].address, kA);
  }
}

TEST(RoleView, WhatIsNoRoleSaysNothing) {
  Topology topology = join_roles({{kA, reply("*1\r\n$8\r\nsentinel\r\n")}, {kB, reply("+OK\r\n")}});
  EXPECT_TRUE(topology.nodes.empty());
  EXPECT_EQ(topology.owners.front(), Topology::kNobody);
}

}  // namespace
}  // namespace keyway::proxy
