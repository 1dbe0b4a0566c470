// create on real servers of every engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "admin/create.h"
#include "admin/look.h"
#include "admin/test_session.h"
#include "admin/views.h"

namespace keyway::admin {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CreateOnServers : public testing::TestWithParam<engine::TestEngine> {
 protected:
  Result<CreateResult> make(const EmptyServers& servers, int replicas) {
    if (!servers.all_answer(test)) return fail(ErrorCode::kUnavailable, "the test servers do not start");
    options.nodes = servers.addresses();
    options.replicas = replicas;
    options.yes = true;
    options.timeout_ms = 30'000;
    return create(test.session, options);
  }

  // What every node says now, and that it is as a cluster shall be at the moment when create returns.
  void expect_whole(const EmptyServers& servers, size_t primaries) {
    cluster::Observed observed = look_at(test.session, servers.addresses());
    EXPECT_THAT(view_gaps(observed), IsEmpty());
    std::set<std::string> shards;
    for (const cluster::NodeFacts& node : observed.nodes) {
      ASSERT_TRUE(node.answering()) << node.name << node.note;
      EXPECT_TRUE(node.server.cluster_ok) << node.name;
      EXPECT_EQ(node.server.peers.size(), servers.addresses().size()) << node.name;
      EXPECT_EQ(node.server.keys, 0) << node.name;
      bool is_primary = node.server.role == cluster::Role::kPrimary;
      EXPECT_TRUE(is_primary || node.server.link_up) << node.name;
      if (is_primary) shards.insert(node.name);
    }
    EXPECT_EQ(shards.size(), primaries);
  }

  TestSession test;
  CreateOptions options;
};

TEST_P(CreateOnServers, ThreeShardsWithAReplicaEach) {
  EmptyServers servers(GetParam(), 6);
  Result<CreateResult> made = make(servers, 1);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->carried_out);
  expect_whole(servers, 3);

  Result<CreateResult> again = create(test.session, options);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_LT(again->elapsed_ms, 2000);
  expect_whole(servers, 3);
}

TEST_P(CreateOnServers, OneShardByIpv6WithBusPortsOfItsOwn) {
  EmptyServers servers(GetParam(), 0);
  servers.add(fmt::format("cluster-port {}", engine::free_port()), "::1");
  servers.add(fmt::format("cluster-port {}", engine::free_port()), "::1");
  Result<CreateResult> made = make(servers, 1);
  ASSERT_TRUE(made) << made.error().message;
  expect_whole(servers, 1);
}

TEST_P(CreateOnServers, NodesByHostName) {
  EmptyServers servers(GetParam(), 2);
  ASSERT_TRUE(servers.all_answer(test));
  for (const Address& address : servers.addresses()) options.nodes.push_back({"localhost", address.port});
  options.replicas = 1;
  options.yes = true;
  Result<CreateResult> made = create(test.session, options);
  ASSERT_TRUE(made) << made.error().message;
  expect_whole(servers, 1);
}

TEST_P(CreateOnServers, FinishesWhatIsHalfMade) {
  EmptyServers servers(GetParam(), 6);
  test.stop = true;
  ASSERT_TRUE(servers.all_answer(test));
  Result<CreateResult> cut = make(servers, 1);
  ASSERT_TRUE(cut) << cut.error().message;
  EXPECT_TRUE(cut->interrupted);
  test.stop = false;
  Result<CreateResult> made = make(servers, 1);
  ASSERT_TRUE(made) << made.error().message;
  expect_whole(servers, 3);
}

TEST_P(CreateOnServers, TellsWhatIsWrongWithEachNode) {
  EmptyServers servers(GetParam(), 3);
  servers.add("cluster-enabled no");
  servers.add().kill();
  servers.add();
  ASSERT_TRUE(engine::wait_until([&] { return test.text(servers.addresses()[5], {"PING"}) == "PONG"; }));
  const std::vector<Address>& at = servers.addresses();
  test.text(at[1],
            {"FUNCTION", "LOAD", "#!lua name=one\nredis.register_function('one', function() return 1 end)"});
  test.text(at[5], {"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
  ASSERT_TRUE(engine::wait_until([&] { return test.text(at[5], {"SET", "key", "value"}) == "OK"; }));
  options.nodes = at;
  options.yes = true;
  Result<CreateResult> made = create(test.session, options);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message,
              AllOf(HasSubstr(to_string(at[3]) + " is not in cluster mode"),
                    HasSubstr(to_string(at[4]) + " does not answer"),
                    HasSubstr(to_string(at[5]) + " holds 1 key:"), Not(HasSubstr(to_string(at[0])))));
}

TEST_P(CreateOnServers, AWrongPasswordIsTold) {
  EmptyServers servers(GetParam(), 1);
  ASSERT_TRUE(servers.all_answer(test));
  TestSession stranger(engine::kTestUser, "wrong");
  options.nodes = servers.addresses();
  options.yes = true;
  Result<CreateResult> made = create(stranger.session, options);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kDenied);
}

TEST_P(CreateOnServers, ANodeThatStopsAnsweringIsNamed) {
  EmptyServers servers(GetParam(), 3);
  ASSERT_TRUE(servers.all_answer(test));
  options.nodes = servers.addresses();
  options.yes = true;
  options.timeout_ms = 2000;
  options.show_plan = [&](const cluster::Placement&) { servers[1].pause(); };
  test.session.timeout_ms = 300;
  Result<CreateResult> made = create(test.session, options);
  servers[1].resume();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(made.error().message, HasSubstr(to_string(servers.addresses()[1]) + " does not answer"));
  options.show_plan = nullptr;
  test.session.timeout_ms = 3000;
  Result<CreateResult> finished = make(servers, 0);
  ASSERT_TRUE(finished) << finished.error().message;
  expect_whole(servers, 3);
}

TEST_P(CreateOnServers, ReplicasAreInOtherZonesThanTheirPrimaries) {
  EmptyServers servers(GetParam(), 0);
  bool announces = GetParam().name.starts_with("valkey");
  for (int i = 0; i < 6; ++i) {
    std::string zone = i % 3 == 0 ? "east" : i % 3 == 1 ? "west" : "north";
    servers.add(announces ? "availability-zone " + zone : "");
    if (!announces) options.zones[servers.addresses().back()] = zone;
  }
  Result<CreateResult> made = make(servers, 1);
  ASSERT_TRUE(made) << made.error().message;
  auto zone_of = [&](const std::string& name) {
    for (size_t i = 0; i < 6; ++i) {
      if (to_string(servers.addresses()[i]) == name) return i % 3;
    }
    return size_t{9};
  };
  for (const cluster::PlacedShard& shard : made->placement.shards)
    EXPECT_NE(zone_of(shard.primary), zone_of(shard.replicas.at(0)));
}

INSTANTIATE_TEST_SUITE_P(Engines, CreateOnServers, testing::ValuesIn(engine::test_engines()),
                         engine::test_name);

}  // namespace
}  // namespace keyway::admin
