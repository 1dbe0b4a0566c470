// add_node and del_node on real servers of every engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "admin/create.h"
#include "admin/look.h"
#include "admin/membership.h"
#include "admin/test_session.h"
#include "admin/views.h"
#include "cluster/ownership.h"
#include "resp/slot.h"

namespace keyway::admin {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kKeys = 3000;

class Membership : public testing::TestWithParam<engine::TestEngine> {
 protected:
  bool is_whole(const engine::TestCluster& cluster) {
    return engine::wait_until([&] { return cluster.is_whole(test.fleet); });
  }

  // Requires that `nodes` are all primaries' addresses.
  int64_t keys_on(const std::vector<Address>& nodes) {
    int64_t keys = 0;
    for (const cluster::NodeFacts& node : look_at(test.session, nodes).nodes) keys += node.server.keys;
    return keys;
  }

  void fill(const engine::TestCluster& cluster, size_t primaries) {
    cluster::Knowledge knowledge(cluster.look(test.fleet));
    std::vector<engine::Request> requests(primaries);
    for (size_t i = 0; i < primaries; ++i) requests[i].address = cluster.address(i);
    for (int i = 0; i < kKeys; ++i) {
      std::string key = fmt::format("key:{}", i);
      const std::string& owner = knowledge.owner(resp::key_slot(key));
      for (size_t k = 0; k < primaries; ++k) {
        if (cluster.id(k) == owner) requests[k].commands.push_back({"SET", key, std::to_string(i)});
      }
    }
    for (const engine::Response& response : test.fleet.exchange(requests, 5000)) {
      ASSERT_TRUE(response.ok());
      for (const resp::Reply& reply : response.replies) ASSERT_TRUE(reply.ok()) << reply.text;
    }
  }

  bool is_known_to_anybody(const std::string& id, const std::vector<Address>& nodes) {
    cluster::Observed observed = look_at(test.session, nodes);
    return std::any_of(observed.nodes.begin(), observed.nodes.end(), [&](const cluster::NodeFacts& node) {
      return node.server.id != id && knows(node, id);
    });
  }

  std::vector<Address> addresses(const engine::TestCluster& cluster, std::vector<size_t> but = {}) {
    std::vector<Address> all;
    for (size_t i = 0; i < cluster.table().size(); ++i) {
      if (std::find(but.begin(), but.end(), i) == but.end()) all.push_back(cluster.address(i));
    }
    return all;
  }

  TestSession test;
};

TEST_P(Membership, AddsAPrimaryWithFunctionsAndAReplicaOfIt) {
  engine::TestCluster cluster(GetParam(), 3, 1);
  EmptyServers fresh(GetParam(), 2);
  ASSERT_TRUE(is_whole(cluster));
  ASSERT_TRUE(fresh.all_answer(test));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(test.text(cluster.address(i),
                        {"FUNCTION", "LOAD",
                         "#!lua name=lib\nredis.register_function('one', function() return 'uno' end)"}),
              "lib");
  }

  AddNodeOptions options;
  options.node = fresh.addresses()[0];
  Result<AddNodeResult> primary = add_node(test.session, cluster.address(1), options);
  ASSERT_TRUE(primary) << primary.error().message;
  EXPECT_EQ(primary->primary_id, "");
  EXPECT_EQ(test.text(options.node, {"FCALL", "one", "0"}), "uno");

  options.node = fresh.addresses()[1];
  options.replica = true;
  options.primary = primary->id;
  Result<AddNodeResult> replica = add_node(test.session, cluster.address(3), options);
  ASSERT_TRUE(replica) << replica.error().message;
  EXPECT_EQ(replica->primary_id, primary->id);

  std::vector<Address> all = addresses(cluster);
  all.insert(all.end(), fresh.addresses().begin(), fresh.addresses().end());
  cluster::Observed observed = look_at(test.session, all);
  EXPECT_THAT(view_gaps(observed), IsEmpty());
  for (const cluster::NodeFacts& node : observed.nodes) EXPECT_EQ(node.server.peers.size(), 6u);
  EXPECT_TRUE(observed.nodes.back().server.link_up);
}

TEST_P(Membership, AReplicaGoesToThePrimaryWithNoneAndHasItsData) {
  engine::TestCluster cluster(GetParam(), 3, 2);
  EmptyServers fresh(GetParam(), 1);
  ASSERT_TRUE(is_whole(cluster));
  ASSERT_TRUE(fresh.all_answer(test));
  fill(cluster, 3);
  AddNodeOptions options;
  options.node = fresh.addresses()[0];
  options.replica = true;
  Result<AddNodeResult> added = add_node(test.session, cluster.address(0), options);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->primary_id, cluster.id(2));
  EXPECT_EQ(keys_on({options.node}), keys_on({cluster.address(2)}));
  EXPECT_GT(keys_on({options.node}), 0);

  Result<AddNodeResult> again = add_node(test.session, cluster.address(0), options);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->primary_id, cluster.id(2));
}

TEST_P(Membership, RefusesANodeOfAnotherCluster) {
  engine::TestCluster cluster(GetParam(), 1, 0);
  EmptyServers other(GetParam(), 2);
  ASSERT_TRUE(is_whole(cluster));
  ASSERT_TRUE(other.all_answer(test));
  CreateOptions making;
  making.nodes = other.addresses();
  making.yes = true;
  ASSERT_TRUE(create(test.session, making));
  AddNodeOptions options;
  options.node = other.addresses()[0];
  Result<AddNodeResult> added = add_node(test.session, cluster.address(0), options);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::kConflict);
  EXPECT_THAT(added.error().message, HasSubstr("CLUSTER RESET HARD"));
  EXPECT_FALSE(is_known_to_anybody(test.text(options.node, {"CLUSTER", "MYID"}), addresses(cluster)));
}

TEST_P(Membership, RemovesAReplicaThatIsDead) {
  engine::TestCluster cluster(GetParam(), 3, 1);
  ASSERT_TRUE(is_whole(cluster));
  cluster.server(3).kill();
  DelNodeOptions options;
  options.node = cluster.id(3);
  Result<DelNodeResult> deleted = del_node(test.session, cluster.address(0), options);
  ASSERT_TRUE(deleted) << deleted.error().message;
  EXPECT_EQ(deleted->forgotten_by, 3);
  EXPECT_FALSE(deleted->reset);
  EXPECT_FALSE(is_known_to_anybody(cluster.id(3), addresses(cluster, {3})));
}

TEST_P(Membership, RefusesToRemoveWhatHoldsSlots) {
  engine::TestCluster cluster(GetParam(), 2, 0);
  ASSERT_TRUE(is_whole(cluster));
  DelNodeOptions options;
  options.node = to_string(cluster.address(1));
  Result<DelNodeResult> deleted = del_node(test.session, cluster.address(0), options);
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(is_known_to_anybody(cluster.id(1), addresses(cluster)));
}

TEST_P(Membership, DrainsAPrimaryAndGivesItsReplicaAway) {
  engine::TestCluster cluster(GetParam(), 3, 1);
  ASSERT_TRUE(is_whole(cluster));
  fill(cluster, 3);
  DelNodeOptions options;
  options.node = cluster.id(0);
  options.drain = true;
  options.yes = true;
  Result<DelNodeResult> deleted = del_node(test.session, cluster.address(0), options);
  ASSERT_TRUE(deleted) << deleted.error().message;
  EXPECT_EQ(deleted->moved.slots, 5462);
  EXPECT_TRUE(deleted->reset);
  EXPECT_EQ(keys_on({cluster.address(1), cluster.address(2)}), kKeys);
  cluster::Observed observed = look_at(test.session, addresses(cluster, {0}));
  EXPECT_THAT(view_gaps(observed), IsEmpty());
  cluster::Knowledge knowledge(observed);
  EXPECT_EQ(cluster::count(knowledge.find(cluster.id(1))->view.slots), 8192);
  EXPECT_EQ(cluster::count(knowledge.find(cluster.id(2))->view.slots), 8192);
  const cluster::KnownNode* replica = knowledge.find(cluster.id(3));
  EXPECT_TRUE(replica->view.primary_id == cluster.id(1) || replica->view.primary_id == cluster.id(2));
  EXPECT_TRUE(replica->facts->server.link_up);
  EXPECT_EQ(keys_on({cluster.address(3)}),
            keys_on({replica->view.primary_id == cluster.id(1) ? cluster.address(1) : cluster.address(2)}));
}

// A node that runs on and is forgotten must not come back when the ban on it ends, here after 1 s (the time
// of the ban can be set on Valkey).
TEST_P(Membership, StaysForgottenWhenTheBanEnds) {
  if (!GetParam().name.starts_with("valkey")) GTEST_SKIP() << "its ban takes 60 s";
  EmptyServers servers(GetParam(), 4, "cluster-blacklist-ttl 1\n");
  ASSERT_TRUE(servers.all_answer(test));
  CreateOptions making;
  making.nodes = servers.addresses();
  making.replicas = 1;
  making.yes = true;
  Result<CreateResult> made = create(test.session, making);
  ASSERT_TRUE(made) << made.error().message;
  DelNodeOptions options;
  options.node = made->placement.shards[0].replicas[0];
  options.watch_ms = 5000;
  Address seed = *parse_address(made->placement.shards[0].primary);
  Result<DelNodeResult> deleted = del_node(test.session, seed, options);
  ASSERT_TRUE(deleted) << deleted.error().message;
  EXPECT_FALSE(is_known_to_anybody(deleted->id, servers.addresses()));
  EXPECT_THAT(test.reporter.notes, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Engines, Membership, testing::ValuesIn(engine::test_engines()), engine::test_name);

}  // namespace
}  // namespace keyway::admin
